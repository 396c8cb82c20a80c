"""One file of answers, as `redrafter distill generate` writes it: safetensors that stay on the disk until read.

| name | type | shape | |
|---|---|---|---|
| `answers` | I32 | `[answers, 5]` | item, tokens of the prompt, tokens of the answer, 1 for greedy, 1 for complete |
| `prompt_tokens` | I32 | `[all prompts]` | |
| `tokens` | I32 | `[all answers]` | |
| `top_tokens` | I32 | `[all answers, k]` | most likely first |
| `top_log_probs` | F16 | `[all answers, k]` | over the whole vocabulary |
| `hidden` | F16 | `[all answers, hidden]` | after the final norm; may be absent |
"""
import json
import os
import struct

import numpy as np

from .errors import TrainerError

_TYPES = {"I32": np.dtype("<i4"), "F16": np.dtype("<f2")}
_LARGEST_HEADER = 1 << 20


class Shard:
    def __init__(self, path, vocabulary_size):
        self.path = path
        tensors = _tensors(path)
        self.answers = self._tensor(tensors, "answers", "I32", columns=5)
        self.prompt_tokens = self._tensor(tensors, "prompt_tokens", "I32")
        self.tokens = self._tensor(tensors, "tokens", "I32")
        rows = len(self.tokens)
        self.top_tokens = self._tensor(tensors, "top_tokens", "I32", rows=rows, columns=0)
        top = self.top_tokens.shape[1]
        self.top_log_probs = self._tensor(tensors, "top_log_probs", "F16", rows=rows, columns=top)
        self.hidden = None
        if "hidden" in tensors:
            self.hidden = self._tensor(tensors, "hidden", "F16", rows=rows, columns=0)
        self._check(vocabulary_size)

    def _tensor(self, tensors, name, kind, rows=None, columns=None):
        """Columns: None for a vector, 0 for any number."""
        if name not in tensors:
            raise TrainerError(f"{self.path}: tensor {name} is missing; this is no shard of distillation data")
        found, shape, values = tensors[name]
        fits = found == kind and len(shape) == (1 if columns is None else 2) and all(shape)
        if not (fits and rows in (None, shape[0]) and (not columns or shape[1] == columns)):
            raise TrainerError(
                f"{self.path}: tensor {name} is {found} {shape}, expected {kind} with {rows or 'any'} rows")
        return values

    def _check(self, vocabulary_size):
        counts = np.asarray(self.answers)
        if (counts[:, 0] < 0).any() or (counts[:, 1:3] <= 0).any():
            raise TrainerError(f"{self.path}: an answer has no item, no prompt or no tokens")
        sums = counts[:, 1:3].astype(np.int64).sum(axis=0)
        if tuple(sums) != (len(self.prompt_tokens), len(self.tokens)):
            raise TrainerError(
                f"{self.path}: the answers have {sums[1]} tokens and {sums[0]} of prompts, the shard has "
                f"{len(self.tokens)} and {len(self.prompt_tokens)}")
        for name, values in (("prompt_tokens", self.prompt_tokens), ("tokens", self.tokens)):
            if values.min() < 0 or values.max() >= vocabulary_size:
                raise TrainerError(f"{self.path}: {name} holds tokens outside of 0 to {vocabulary_size - 1}")

    @property
    def shape(self):
        return self.top_tokens.shape[1], 0 if self.hidden is None else self.hidden.shape[1]


def _tensors(path):
    """Type, shape and values of each tensor; values are mapped, not read."""
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            prefix = file.read(8)
            length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else size
            if length > min(size - 8, _LARGEST_HEADER):
                raise ValueError("it is shorter than its header says")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        mapped = np.memmap(path, dtype=np.uint8, mode="r")
        result = {}
        for name, entry in header.items():
            shape, (begin, end) = tuple(entry["shape"]), entry["data_offsets"]
            kind = _TYPES.get(entry["dtype"])
            if kind is None or any(extent < 0 for extent in shape):
                raise ValueError(f"tensor {name} is {entry['dtype']} {shape}")
            begin, end = begin + 8 + length, end + 8 + length
            count = int(np.prod(shape, dtype=np.int64))
            if begin < 8 or end > size or end - begin != count * kind.itemsize:
                raise ValueError(f"tensor {name} has the wrong size or ends behind the file")
            result[name] = (entry["dtype"], shape, mapped[begin:end].view(kind).reshape(shape))
        return result
    except FileNotFoundError:
        raise TrainerError(f"{path} is missing; the manifest names it") from None
    except OSError as error:
        raise TrainerError(f"{path}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainerError(f"{path} is no safetensors file of answers: {error}") from None
