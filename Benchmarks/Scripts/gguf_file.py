"""GGUF files, as far as the scripts need them: reads the metadata of one, writes one with tensors that are made in pieces."""
import os
import struct

STRING, ARRAY = 8, 9
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
UINT32, FLOAT32 = 4, 6
F32, F16 = 0, 1
ELEMENT_BYTES = {F32: 4, F16: 2}
ALIGNMENT = 32


def read_metadata(path):
    """The metadata of a file as {key: (type, value)}; the type of an array is (ARRAY, type of its elements)."""
    with open(path, "rb") as file:
        if file.read(4) != b"GGUF":
            raise ValueError(f"{path} is not a GGUF file")
        _, _, count = _numbers(file, "IQQ")
        result = {}
        for _ in range(count):
            key = _string(file).decode()
            kind = _numbers(file, "I")[0]
            if kind == ARRAY:
                element, length = _numbers(file, "IQ")
                result[key] = ((ARRAY, element), [_value(file, element) for _ in range(length)])
            else:
                result[key] = (kind, _value(file, kind))
        return result


def write(path, metadata, tensors):
    """Writes metadata as `read_metadata` gives it, and tensors: (name, shape with the columns first, type, pieces), where
    `pieces()` yields the bytes. The file appears under its name when it is complete."""
    partial = path + ".part"
    with open(partial, "wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)))
        for key, (kind, value) in metadata.items():
            _write_string(file, key.encode())
            if isinstance(kind, tuple):
                file.write(struct.pack("<IIQ", ARRAY, kind[1], len(value)))
                for element in value:
                    _write_value(file, kind[1], element)
            else:
                file.write(struct.pack("<I", kind))
                _write_value(file, kind, value)
        offset = 0
        for name, shape, kind, _ in tensors:
            _write_string(file, name.encode())
            file.write(struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset))
            offset = _aligned(offset + _byte_count(shape, kind))
        for _, shape, kind, pieces in tensors:
            file.write(bytes(-file.tell() % ALIGNMENT))
            written = sum(file.write(piece) for piece in pieces())
            assert written == _byte_count(shape, kind), (shape, written)
    os.replace(partial, path)


def _byte_count(shape, kind):
    count = ELEMENT_BYTES[kind]
    for extent in shape:
        count *= extent
    return count


def _aligned(offset):
    return offset + -offset % ALIGNMENT


def _numbers(file, form):
    size = struct.calcsize("<" + form)
    data = file.read(size)
    if len(data) != size:
        raise ValueError(f"{file.name} ends within its metadata")
    return struct.unpack("<" + form, data)


def _string(file):
    return file.read(_numbers(file, "Q")[0])


def _value(file, kind):
    return _string(file) if kind == STRING else _numbers(file, SCALARS[kind])[0]


def _write_string(file, value):
    file.write(struct.pack("<Q", len(value)) + value)


def _write_value(file, kind, value):
    if kind == STRING:
        _write_string(file, value)
    else:
        file.write(struct.pack("<" + SCALARS[kind], value))
