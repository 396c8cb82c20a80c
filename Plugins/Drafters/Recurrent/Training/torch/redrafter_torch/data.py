"""All answers of one or several data sets, by rows: a row is a token of an answer with the state and the distribution
that it came from.
"""
import functools
import os

import numpy as np

from .errors import TrainerError
from .loops import loop_starts
from .manifest import chosen, read_all
from .shard import Shard

HELD_OUT_EVERY = 50


class Data:
    def __init__(self, directories, limit=None):
        # Of each data set that is used, its manifest and the shards that are.
        self.parts = chosen(read_all(directories), limit)
        self.manifests = [manifest for manifest, _ in self.parts]
        self.shards = [_opened(manifest, entry) for manifest, entries in self.parts for entry in entries]
        if not self.shards:
            raise TrainerError(
                f"{self.manifest.path} names no answers", "make data with `redrafter distill generate`")
        counts = [np.asarray(shard.answers) for shard in self.shards]
        heads = np.concatenate(counts)
        self.tokens = np.concatenate([shard.tokens for shard in self.shards])  # [rows]
        if len(self.tokens) > np.iinfo(np.int32).max:
            raise TrainerError("the data have more than 2,147,483,647 tokens", "use fewer with --tokens")
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
    def manifest(self):
        """Of the first data set; fingerprint and shape are those of all."""
        return self.manifests[0]

    @property
    def settings(self):
        """How the data were made, for the record of a run: of several data sets, a list."""
        settings = [manifest.settings for manifest in self.manifests]
        return settings[0] if len(settings) == 1 else settings

    @property
    def rows(self):
        return len(self.tokens)

    @property
    def longest_text(self):
        """Tokens of the longest text, the last one of its answer not counted: nothing was computed from it."""
        return int((self._prompts + self._lengths).max()) - 1

    @property
    def has_hidden(self):
        return self.manifest.shape[1] > 0 or self.hidden is not None

    @functools.cached_property
    def _loop_starts(self):
        return loop_starts(self.tokens, self._firsts, self._lengths)

    def _root_counts(self, skips_loops):
        """Rows of each answer that can be the root of a draft, its first ones: at least one token follows."""
        counts = self._lengths - 1
        return np.minimum(counts, self._loop_starts) if skips_loops else counts

    def combs(self, size, is_held_out, skips_loops=False):
        """The roots of all answers as combs: as few for each answer as none has more than `size` teeth.

        A comb is every n-th root of an answer, at equal distances all over it: neighbours have much in common, so that
        the parts of a text that drafters learn from together should lie apart.

        :return: of each comb the first root, the distance of two, and the row after the answer's last. `[combs, 3]`
        """
        counts = self._root_counts(skips_loops)
        chosen = (self._is_held_out == is_held_out) & (counts > 0)
        firsts, counts = self._firsts[chosen], counts[chosen]
        steps = (counts + size - 1) // size  # and combs of each answer
        places = np.arange(steps.sum()) - np.repeat(np.cumsum(steps) - steps, steps)
        combs = np.stack([firsts, steps, firsts + counts], axis=1).repeat(steps, axis=0)
        combs[:, 0] += places
        return combs

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


def _opened(manifest, entry):
    """A shard, where it is what the manifest says."""
    file, _, tokens, _ = entry
    shard = Shard(os.path.join(manifest.directory, file), manifest.fingerprint["vocab_size"])
    if shard.shape != manifest.shape or len(shard.tokens) != tokens:
        raise TrainerError(
            f"{shard.path} has {len(shard.tokens)} tokens and (top k, hidden) {shard.shape}, "
            f"the manifest says {tokens} and {manifest.shape}")
    return shard
