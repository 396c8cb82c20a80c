"""A drafter whose weights another one begins with."""
import hashlib
import json

import numpy as np
import torch

from .errors import TrainerError
from .gguf import configuration, read_file
from .manifest import FINGERPRINT

KIND = "redrafter-recurrent"
# The numbers of a drafter as `redrafter inspect` names them, and the keys that they have in files.
_NUMBERS = {
    "hidden_size": "hidden_size", "exit_dim": "exit_dim", "layers": "layer_count", "heads": "head_count",
    "vocab_size": "vocab_size", "rnn": "rnn",
}
# Those of a context block, and of its decoder layer.
_BLOCK = {
    "taps": "context.taps", "tap_norm": "context.tap_norm", "adds_to_hidden": "context.adds_to_hidden",
}
_LAYER = {
    "heads": "context.head_count", "kv_heads": "context.head_count_kv", "head_dim": "context.key_length",
    "feed_forward": "context.feed_forward_length",
}
_DEFAULTS = {"rnn": True, "context.tap_norm": True, "context.adds_to_hidden": False}


class Start:
    """A `drafter.gguf` in F16 or F32, as this trainer and the Swift one write it."""

    def __init__(self, path):
        self.path = path
        metadata, tensors = read_file(path)
        kind = metadata.get("general.architecture")
        if kind != KIND:
            raise self._unsuitable(f"it holds {str(kind).removeprefix('redrafter-')}, not recurrent")
        self._tensors = {}  # values by name
        for name, (type_name, values) in tensors.items():
            if values is None:
                raise self._unsuitable(
                    f"its {name} is {type_name}, which is neither F16 nor F32",
                    f"redrafter convert {path} OUT.gguf --type f16, and begin with OUT.gguf")
            self._tensors[name] = values
        self._summary = _summary(metadata)
        self._rows, self._listed = (
            metadata.get(f"redrafter.{name}") for name in ("vocab_size", "draft_vocabulary"))
        names = ("tokenizer", *FINGERPRINT)
        self._fingerprint = {name: metadata.get(f"redrafter.fingerprint.{name}") for name in names}

    def _unsuitable(self, reason, hint=None):
        return TrainerError(
            f"{self.path}: a drafter cannot begin with these weights: {reason}",
            hint or "train with the numbers of the file, which `redrafter inspect` shows: --layers, --exit-dim and, if "
            "it has a context block, --taps, --no-tap-norm, --no-context-layer")

    @property
    def digest(self):
        """SHA-256 of the tensors' names and bytes, as in Swift."""
        total = hashlib.sha256()
        for name, values in self._tensors.items():
            total.update(name.encode())
            total.update(values.data)
        return total.hexdigest()

    def check(self, manifest):
        """Refuses a drafter of another model than the one that made the data, where the file says which it was."""
        own, expected = self._fingerprint, {"tokenizer": manifest.tokenizer, **manifest.fingerprint}
        if any(value is not None for value in own.values()):
            # Different vocabularies say more than two digests; with the same tokenizer they differ in padding.
            compared = [name for name in FINGERPRINT if name != "vocab_size"]
            if own["tokenizer"] != manifest.tokenizer:
                compared = ["vocab_size", "tokenizer", *compared]
            for name in compared:
                if own[name] != expected[name]:
                    raise TrainerError(
                        f"{self.path} was trained for a model with {FINGERPRINT.get(name, name)} {own[name]}, "
                        f"that of {manifest.path} has {expected[name]}", "begin with a drafter of this model")

    def tokens(self, total):
        """The token of each row of the head, of so many that the model has. `[rows]`"""
        rows = self._rows
        if not isinstance(rows, int) or not 0 < rows <= total:
            raise self._unsuitable(f"its vocabulary is {rows}, the model's {total}")
        if self._listed is None:
            return np.arange(rows, dtype=np.int32)
        tokens = np.unique(self._listed)
        if np.shape(self._listed) != (rows,) or len(tokens) != rows or not 0 <= tokens[0] <= tokens[-1] < total:
            raise self._unsuitable(f"its draft vocabulary is not {rows} different tokens from 0 to {total - 1}")
        return np.array(self._listed, dtype=np.int32)

    @torch.no_grad()
    def give_weights(self, drafter):
        """Copies all weights. A context block or votes of the text that the file has not stay as they are."""
        own = _summary({key: value for key, _, value in configuration(drafter.sizes)})
        for name, value in self._summary.items():
            if value != own.get(name):
                raise self._unsuitable(f"its {name} is {_text(value)}, the new drafter's {_text(own.get(name))}")
        parameters = drafter.state_dict()
        for name, values in self._tensors.items():
            if name not in parameters:
                raise self._unsuitable(f"it has {name}, which the new drafter has not")
            shape = tuple(parameters[name].shape)
            if values.shape != shape:
                raise self._unsuitable(
                    f"its {name} has the shape {list(values.shape)}, the new drafter's {list(shape)}")
            if not np.isfinite(values).all():
                raise self._unsuitable(f"its {name} holds NaN or infinity", "begin with another drafter")
        optional = {"context": "context_block", "copy": "copy_lengths"}
        for name in parameters:
            is_whole = optional.get(name.split(".")[0], "rnn") in self._summary
            if name not in self._tensors and is_whole:
                raise self._unsuitable(f"it lacks {name}")
        for name, values in self._tensors.items():
            parameters[name].copy_(torch.from_numpy(values.astype(np.float32)))


def _summary(metadata):
    """The numbers of a drafter by name, from the metadata of a file; None for one that is missing."""
    def members(names):
        values = {name: metadata.get(f"redrafter.{key}", _DEFAULTS.get(key)) for name, key in names.items()}
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}

    result = members(_NUMBERS)
    if "redrafter.copy_lengths" in metadata:
        result["copy_lengths"] = metadata["redrafter.copy_lengths"]
    if "redrafter.context.taps" in metadata:
        has_layer = "redrafter.context.head_count" in metadata
        result["context_block"] = members({**_BLOCK, **_LAYER} if has_layer else _BLOCK)
    return result


def _text(value):
    return "absent" if value is None else json.dumps(value, separators=(",", ":"))
