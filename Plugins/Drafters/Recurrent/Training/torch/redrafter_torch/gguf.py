"""Drafters as GGUF, written with the metadata of the Swift writer: matrices in F16 or F32, vectors in F32."""
import json
import math
import os
import struct

import numpy as np

from .errors import TrainerError

_UINT32, _INT32, _FLOAT32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9
_F32, _F16 = 0, 1
_ALIGNMENT = 32
_NUMBERS = {
    0: "<u1", 1: "<i1", 2: "<u2", 3: "<i2", 4: "<u4", 5: "<i4", 6: "<f4", 7: "?", 10: "<u8", 11: "<i8", 12: "<f8",
}
_TENSORS = {
    _F32: ("F32", "<f4"), _F16: ("F16", "<f2"), 2: ("Q4_0", None), 3: ("Q4_1", None), 6: ("Q5_0", None),
    7: ("Q5_1", None), 8: ("Q8_0", None), 30: ("BF16", None),
}


def write_drafter(path, drafter, vocabulary, manifest, settings_record, steps, matrix_type):
    tensors = []
    for name, values in drafter.state_dict().items():
        values = values.detach().float().cpu().numpy()
        is_half = matrix_type == "f16" and values.ndim > 1
        tensors.append((name, np.ascontiguousarray(values, dtype=np.float16 if is_half else np.float32)))
    write_file(path, metadata(drafter.sizes, vocabulary, manifest, settings_record, steps), tensors)


def metadata(sizes, vocabulary, manifest, settings_record, steps):
    """Keys with their types, in the order of the Swift writer."""
    result = [("general.architecture", _STRING, "redrafter-recurrent"), ("general.type", _STRING, "drafter")]
    result += configuration(sizes)
    if vocabulary.is_partial:
        result.append(("redrafter.draft_vocabulary", _ARRAY, vocabulary.tokens))
    result.append(("redrafter.fingerprint.tokenizer", _STRING, manifest.tokenizer))
    result += [(f"redrafter.fingerprint.{name}", _UINT32, n) for name, n in manifest.fingerprint.items()]
    notes = {
        "training_settings": json.dumps(settings_record, separators=(",", ":")),
        "training_steps": str(steps), "model": os.path.basename(manifest.model.rstrip("/")),
    }
    return result + [(f"redrafter.note.{key}", _STRING, value) for key, value in notes.items()]


def configuration(sizes):
    """The keys with the numbers of a drafter."""
    result = [
        ("redrafter.hidden_size", _UINT32, sizes.hidden), ("redrafter.exit_dim", _UINT32, sizes.exit),
        ("redrafter.layer_count", _UINT32, sizes.layers), ("redrafter.head_count", _UINT32, 1),
        ("redrafter.vocab_size", _UINT32, sizes.vocabulary), ("redrafter.rnn", _BOOL, True),
    ]
    if sizes.copy_lengths > 0:
        result.append(("redrafter.copy_lengths", _UINT32, sizes.copy_lengths))
    if sizes.taps:
        prefix, layer = "redrafter.context.", sizes.layer
        result += [
            (prefix + "taps", _ARRAY, list(sizes.taps)), (prefix + "tap_norm", _BOOL, sizes.norms_taps),
            (prefix + "layer_norm_rms_epsilon", _FLOAT32, sizes.norm_epsilon),
            (prefix + "adds_to_hidden", _BOOL, sizes.adds_to_hidden),
        ]
        if layer is not None:
            result += [
                (prefix + "head_count", _UINT32, layer.heads),
                (prefix + "head_count_kv", _UINT32, layer.key_value_heads),
                (prefix + "key_length", _UINT32, layer.head_dimension),
                (prefix + "feed_forward_length", _UINT32, layer.feed_forward),
                (prefix + "rope_freq_base", _FLOAT32, layer.rotary_base),
            ]
    return result


def write_file(path, pairs, tensors):
    """Metadata as (key, type, value), an array being one of int32; tensors as (name, F16 or F32 array).

    The file appears under its name when it is complete and on the disk.
    """
    partial = path + ".partial"
    with open(partial, "wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)))
        for key, kind, value in pairs:
            file.write(_string(key) + struct.pack("<I", kind) + _value(kind, value))
        offset = 0
        for name, values in tensors:
            kind = _F16 if values.dtype == np.float16 else _F32
            # Columns first.
            file.write(_string(name) + struct.pack(
                f"<I{values.ndim}QIQ", values.ndim, *reversed(values.shape), kind, offset))
            offset += values.nbytes + -values.nbytes % _ALIGNMENT
        for _, values in tensors:
            file.write(bytes(-file.tell() % _ALIGNMENT))
            file.write(values.astype(values.dtype.newbyteorder("<")).tobytes())
        file.write(bytes(-file.tell() % _ALIGNMENT))
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def _string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(kind, value):
    if kind == _STRING:
        return _string(value)
    if kind == _ARRAY:
        values = np.asarray(value, dtype="<i4")
        return struct.pack("<IQ", _INT32, len(values)) + values.tobytes()
    return struct.pack({_UINT32: "<I", _FLOAT32: "<f", _BOOL: "<?"}[kind], value)


def read_file(path):
    """Metadata by key; by name, the types of tensors and the values of those in F16 and F32, which are not read yet.

    Raises TrainerError.
    """
    try:
        if os.path.getsize(path) == 0:
            raise ValueError("it is empty")
        return _Reader(np.memmap(path, dtype=np.uint8, mode="r")).file()
    except FileNotFoundError:
        raise TrainerError(f"{path}: no such file") from None
    except OSError as error:
        raise TrainerError(f"{path}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise TrainerError(
            f"{path} is no GGUF file, or a damaged one: {error}", "use another copy of the file") from None


class _Reader:
    """What is beyond the end of the bytes raises ValueError."""

    def __init__(self, data):
        self._data, self._place = data, 0

    def file(self):
        if bytes(self._numbers("u1", 4)) != b"GGUF":
            raise ValueError("it does not begin with GGUF")
        version, tensors, pairs = self._number("<u4"), self._number("<u8"), self._number("<u8")
        if version not in (2, 3):
            raise ValueError(f"its version is {version}, not 2 or 3")
        metadata = {}
        for _ in range(pairs):
            key = self._string()
            metadata[key] = self._value(self._number("<u4"))
        infos = [self._info() for _ in range(tensors)]
        start = self._place + -self._place % int(metadata.get("general.alignment", _ALIGNMENT))
        return metadata, {name: self._tensor(shape, kind, start + offset) for name, shape, kind, offset in infos}

    def _info(self):
        name, dimensions = self._string(), self._number("<u4")
        # Columns first.
        shape = self._numbers("<u8", dimensions).tolist()[::-1]
        return name, shape, self._number("<u4"), self._number("<u8")

    def _tensor(self, shape, kind, place):
        type_name, form = _TENSORS.get(kind, (f"of type {kind}", None))
        if form is None:
            return type_name, None
        return type_name, np.frombuffer(self._data, form, math.prod(shape), place).reshape(shape)

    def _value(self, kind):
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            return self._number(_NUMBERS[kind])
        kind, count = self._number("<u4"), self._number("<u8")
        if kind == _STRING:
            return [self._string() for _ in range(count)]
        return self._numbers(_NUMBERS[kind], count)

    def _string(self):
        return bytes(self._numbers("u1", self._number("<u8"))).decode()

    def _number(self, kind):
        return self._numbers(kind, 1)[0].item()

    def _numbers(self, kind, count):
        result = np.frombuffer(self._data, kind, count, self._place)
        self._place += result.nbytes
        return result
