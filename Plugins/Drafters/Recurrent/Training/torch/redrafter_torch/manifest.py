"""`manifest.json` of data sets: the model, how answers were made, and the shards that are complete."""
import hashlib
import json
import os

from .errors import TrainerError

# Numbers of a model that data and drafters are tied to, with their names for people.
FINGERPRINT = {
    "vocab_size": "vocabulary", "hidden_size": "hidden size", "num_hidden_layers": "number of layers",
    "num_attention_heads": "number of attention heads", "num_key_value_heads": "number of key/value heads",
    "intermediate_size": "feed-forward size",
}


class Manifest:
    """That of one data set."""

    def __init__(self, directory):
        self.directory = directory
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

    def check(self, first):
        """Refuses a data set that cannot be trained on together with another one."""
        pairs = (
            ("the model", {"tokenizer": self.tokenizer, **self.fingerprint},
             {"tokenizer": first.tokenizer, **first.fingerprint}),
            ("what it stores, (top k, hidden),", self.shape, first.shape))
        for what, got, expected in pairs:
            if got != expected:
                raise TrainerError(f"{self.path}: {what} is {got}, expected {expected}, as in {first.directory}")

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


def read_all(directories):
    """The manifests of data sets, which are of one model and store the same."""
    manifests = [Manifest(directory) for directory in directories]
    first = manifests[0]
    for manifest in manifests:
        manifest.check(first)
    return manifests


def chosen(manifests, limit):
    """Pairs of a manifest and its shards with answers, as far as the one that reaches so many tokens."""
    result, tokens = [], 0
    for manifest in manifests:
        if limit and tokens >= limit:
            break
        part = manifest.part(limit and limit - tokens)
        tokens += sum(shard[2] for shard in part)
        result.append((manifest, part))
    return result


def digest(parts):
    """Reads the shards of all data sets and compares their bytes with the recorded digests.

    :param parts: what `chosen` returned.
    :return: one digest of each data set, with blanks between; no two are equal.
    """
    found = {}  # directories by digest
    for manifest, shards in parts:
        total = _digest(manifest, shards)
        if total in found:
            raise TrainerError(
                f"{manifest.directory} holds the same answers as {found[total]}", "give every data set once")
        found[total] = manifest.directory
    return " ".join(found)


def _digest(manifest, shards):
    total = hashlib.sha256()
    for file, _, _, recorded in shards:
        path = os.path.join(manifest.directory, file)
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
