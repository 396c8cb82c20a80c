"""Writes the fixtures of QuantizationTests with the PyPI package `gguf` (MIT).

    python3 -m venv venv && venv/bin/pip install gguf==0.19.0 numpy
    venv/bin/python make_fixtures.py

decode_TYPE.bin   8 random blocks (float types: 256 elements) in their file form
decode_TYPE.f32   what gguf.quants.dequantize makes of them
values.f32        rows of 32 elements: random at several magnitudes, constants, zeros, ties
encode_TYPE.bin   what gguf.quants.quantize makes of values.f32
"""

import pathlib

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize, quantize

here = pathlib.Path(__file__).parent
random = np.random.default_rng(20240521)

# Where a block keeps its F16 scales: they are set to sensible numbers, everything else is random bits.
SCALES = {T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0],
          T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}


def blocks(kind, count):
    _, size = GGML_QUANT_SIZES[kind]
    data = random.integers(0, 256, (count, size), dtype=np.uint8)
    for offset in SCALES[kind]:
        scales = random.normal(0, 0.01, count).astype(np.float16)
        scales[0] = 0
        scales[1] = np.float16(6e-8)  # the smallest subnormal
        data[:, offset:offset + 2] = scales.view(np.uint8).reshape(count, 2)
    return data


for kind in SCALES:
    data = blocks(kind, 8)
    data.tofile(here / f"decode_{kind.name}.bin")
    dequantize(data, kind).astype(np.float32).tofile(here / f"decode_{kind.name}.f32")

half = np.concatenate([random.normal(0, 1, 200), [0, -0.0, 65504, -65504, 6e-8, 6e-5, 6.104e-5, np.inf, -np.inf],
                       random.normal(0, 1e-6, 47)]).astype(np.float16)
half.tofile(here / "decode_F16.bin")
half.astype(np.float32).tofile(here / "decode_F16.f32")
brain = random.integers(0, 0x7F80, 256).astype(np.uint16) | (random.integers(0, 2, 256) << 15).astype(np.uint16)
brain.tofile(here / "decode_BF16.bin")
dequantize(brain.view(np.uint8), T.BF16).tofile(here / "decode_BF16.f32")

rows = [random.normal(0, sigma, 32) for sigma in (1e-7, 1e-5, 1e-4, 0.003, 0.02, 0.02, 0.1, 1, 1, 3, 30, 1000)]
rows += [random.uniform(0.5, 1.5, 32), -random.uniform(0.5, 1.5, 32), random.standard_t(2, 32)]
rows += [np.zeros(32), np.full(32, 0.25), np.full(32, -3.0), -np.zeros(32)]
rows += [np.arange(32) / 2 - 8, np.arange(32) - 16.0, np.arange(32) * 0.5, np.arange(-31, 1) / 4]
rows += [np.where(np.arange(32) == 5, 1.0, 0.0), np.where(np.arange(32) % 2 == 0, 2.0, -2.0)]
values = np.array(rows).astype(np.float32)
values.tofile(here / "values.f32")
for kind in (T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1):
    quantize(values, kind).tofile(here / f"encode_{kind.name}.bin")
