"""All answers of a data set, by rows: row i is a token of an answer with the state and the distribution it came from."""
import functools
import hashlib
import json
import os

import numpy as np

from .errors import TrainerError
from .loops import loop_starts
from .shard import Shard

HELD_OUT_EVERY = 50
FINGERPRINT = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
    "intermediate_size",
)


class Manifest:
    """`manifest.json`: the model, how answers were made, and the shards that are complete."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "manifest.json")
        try:
            with open(self.path, "rb") as file:
                content = json.load(file)
        except FileNotFoundError:
            raise TrainerError(
                f"{self.path} is missing", "make data with `redrafter distill generate`") from None
        except (OSError, ValueError) as error:
            raise TrainerError(f"{self.path} cannot be read: {error}") from None
        try:
            if content["format"] != "redrafter-distillation" or content["version"] != 1:
                raise TrainerError(
                    f"{self.path}: format {content['format']}, version {content['version']}; "
                    "expected redrafter-distillation, version 1")
            self.fingerprint = {name: int(content["fingerprint"][name]) for name in FINGERPRINT}
            self.tokenizer = str(content["fingerprint"]["tokenizer"])
            self.model = str(content.get("model") or "")
            self.settings = content.get("settings")
            self.shape = (int(content["top_k"]), int(content["hidden_size"]))
            self.shards = [
                (str(entry["file"]), int(entry["answers"]), int(entry["tokens"]), entry.get("sha256"))
                for entry in content["shards"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise TrainerError(f"{self.path} lacks a field or has a wrong one: {error}") from None
        for file, _, _, _ in self.shards:
            # A name, no path: data of one directory never leads into another.
            if not file or "/" in file:
                raise TrainerError(f"{self.path}: \"{file}\" is no name of a shard")

    def part(self, limit):
        """The shards with answers, as far as the one that reaches so many tokens."""
        result, tokens = [], 0
        for shard in self.shards:
            if shard[1] == 0:
                continue
            result.append(shard)
            tokens += shard[2]
            if limit and tokens >= limit:
                break
        return result


def digest(manifest, directory, limit):
    """Reads the shards, compares their bytes with the recorded digests, and returns one digest of all of them."""
    total = hashlib.sha256()
    for file, _, _, recorded in manifest.part(limit):
        path = os.path.join(directory, file)
        try:
            with open(path, "rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise TrainerError(f"{path}: {error.strerror or error}") from None
        if recorded and recorded != found:
            raise TrainerError(
                f"{path} was altered after it was made: its SHA-256 is {found}, the manifest says {recorded}",
                "restore it from a copy, or make the data anew")
        total.update(f"{file} {found}\n".encode())
    return total.hexdigest()


class Data:
    def __init__(self, directory, limit=None):
        self.manifest = manifest = Manifest(directory)
        self.shards = []
        for file, _, tokens, _ in manifest.part(limit):
            shard = Shard(os.path.join(directory, file), manifest.fingerprint["vocab_size"])
            if shard.shape != manifest.shape or len(shard.tokens) != tokens:
                raise TrainerError(
                    f"{shard.path} has {len(shard.tokens)} tokens and (top k, hidden) {shard.shape}, "
                    f"the manifest says {tokens} and {manifest.shape}")
            self.shards.append(shard)
        if not self.shards:
            raise TrainerError(
                f"{manifest.path} names no answers", "make data with `redrafter distill generate`")
        counts = [np.asarray(shard.answers) for shard in self.shards]
        heads = np.concatenate(counts)
        self.tokens = np.concatenate([shard.tokens for shard in self.shards])  # [rows]
        if len(self.tokens) > np.iinfo(np.int32).max:
            raise TrainerError(f"{directory} has more than 2,147,483,647 tokens", "use fewer with --tokens")
        self.shard_starts = np.cumsum([0] + [len(shard.tokens) for shard in self.shards])
        self._lengths = heads[:, 2].astype(np.int64)  # of each answer
        self._firsts = np.cumsum(self._lengths) - self._lengths
        self._prompts = heads[:, 1].astype(np.int64)
        # Where each prompt begins in its shard.
        self._prompt_starts = np.concatenate(
            [np.cumsum(count[:, 1], dtype=np.int64) - count[:, 1] for count in counts])
        self._is_held_out = heads[:, 0] % HELD_OUT_EVERY == 0
        self.ends = np.repeat((self._firsts + self._lengths).astype(np.int32), self._lengths)  # [rows]
        self.hidden = None  # states that were computed anew, [rows, hidden] of float16

    @property
    def rows(self):
        return len(self.tokens)

    @property
    def has_hidden(self):
        return self.manifest.shape[1] > 0 or self.hidden is not None

    @property
    def mean_text_length(self):
        """Tokens of a text on average, prompts included."""
        return (self.rows + int(self._prompts.sum())) // len(self._prompts)

    @functools.cached_property
    def _loop_starts(self):
        return loop_starts(self.tokens, self._firsts, self._lengths)

    def _root_counts(self, skips_loops):
        """Rows of each answer that can be the root of a draft, its first ones: at least one token follows."""
        counts = self._lengths - 1
        return np.minimum(counts, self._loop_starts) if skips_loops else counts

    def stretches(self, size, is_held_out, skips_loops=False):
        """The first row of each stretch of `size` roots of an answer, the last one shorter: an array for each answer.

        Without loops, the last stretch before one may reach into it.
        """
        roots = self._root_counts(skips_loops)
        chosen = (self._is_held_out == is_held_out) & (roots > 0)
        firsts, counts = self._firsts[chosen], (roots[chosen] + size - 1) // size
        places = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = (np.repeat(firsts, counts) + places * size).astype(np.int32)
        return np.split(rows, np.cumsum(counts)[:-1])

    def all_answers(self):
        """The first row of every answer."""
        return self._firsts

    def roots(self, is_held_out, skips_loops=False):
        """Rows that can be the root of a draft; without what repeats at the end of answers if wished."""
        counts = np.where(self._is_held_out == is_held_out, self._root_counts(skips_loops), 0)
        rows = np.arange(self.rows, dtype=np.int32)
        return rows[rows < np.repeat(self._firsts + counts, self._lengths)]

    def is_trained_on(self, shard):
        """Which rows of a shard belong to answers that are trained on."""
        heads = np.asarray(self.shards[shard].answers)
        return np.repeat(heads[:, 0] % HELD_OUT_EVERY != 0, heads[:, 2])

    def text(self, row):
        """Tokens of the prompt and answer of a row, how many are the prompt's, and the row's place in the answer."""
        index = int(np.searchsorted(self._firsts, row, side="right")) - 1
        shard = self.shards[int(np.searchsorted(self.shard_starts, row, side="right")) - 1]
        start, count = self._prompt_starts[index], int(self._prompts[index])
        first = int(self._firsts[index])
        prompt = shard.prompt_tokens[start:start + count]
        return np.concatenate([prompt, self.tokens[first:first + self._lengths[index]]]), count, row - first

    def gather(self, rows, name):
        """Values of one of the shards' tensors at rows of the data set. `[rows, …]`"""
        shards = np.searchsorted(self.shard_starts, rows, side="right") - 1
        result = None
        for index in np.unique(shards):
            chosen = shards == index
            values = getattr(self.shards[index], name)[rows[chosen] - self.shard_starts[index]]
            if result is None:
                result = np.zeros((len(rows),) + values.shape[1:], dtype=values.dtype)
            result[chosen] = values
        return result

    def hidden_states(self, rows):
        """`[rows, hidden]` of float32"""
        values = self.gather(rows, "hidden") if self.hidden is None else self.hidden[rows]
        return values.astype(np.float32)


class DraftVocabulary:
    """The tokens that answers hold most often: what the drafter predicts."""

    def __init__(self, data, size):
        total = data.manifest.fingerprint["vocab_size"]
        self.is_partial = 0 < size < total
        self.coverage = 1.0
        if not self.is_partial:
            self.tokens = np.arange(total, dtype=np.int32)
        else:
            self.tokens = self._most_frequent(data, size, total)
        self.rows = np.full(total, -1, dtype=np.int32)
        self.rows[self.tokens] = np.arange(len(self.tokens), dtype=np.int32)

    def _most_frequent(self, data, size, total):
        """Counts tokens that are trained on, and what the model deemed likely in their place."""
        counts, seen = np.zeros(total), np.zeros(total, dtype=np.int64)
        for index, shard in enumerate(data.shards):
            chosen = data.is_trained_on(index)
            if not chosen.any():
                continue
            tokens = np.bincount(shard.tokens[chosen], minlength=total)
            seen += tokens
            counts += tokens
            ids = shard.top_tokens[chosen].ravel()
            logs = shard.top_log_probs[chosen].ravel().astype(np.float32)
            likely = (logs > -7) & (ids >= 0) & (ids < total)
            counts += np.bincount(ids[likely], np.exp(logs[likely]).astype(np.float64), minlength=total)
        # Equal counts keep the order of ids, in which frequent tokens come first.
        tokens = np.sort(np.argsort(-counts, kind="stable")[:size]).astype(np.int32)
        self.coverage = float(seen[tokens].sum() / max(1, seen.sum()))
        return tokens
