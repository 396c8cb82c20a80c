#!/usr/bin/env python3
"""Writes a GGUF model of seeded random F16 weights, for measurements at shapes for which there is no small file to fetch.
It answers nonsense, at the speed of a model of its shape. Needs no packages.

  random-model.py -o FILE [--architecture llama] [--hidden 2048] [--layers 8] [--heads 32] [--kv-heads 8] [--ffn 5632]
                  [--vocab 32000] [--context 16384] [--tied] [--seed 1] [--tokenizer MODEL]

Weights are normally distributed with the deviation 1 / sqrt(columns), so that logits have a deviation of about 1. The
tokenizer is that of another GGUF file, the default model: tokens behind --vocab are left out, missing ones are filled up.
"""
import argparse
import random
import statistics
import struct
import sys

import gguf_file
import peer

STEP = 1 << 22
NORMAL_TOKEN, UNUSED_TOKEN = 1, 5


def normal_pieces(generator, count, deviation):
    """`count` F16 numbers. The upper byte (sign, exponent, two bits of the mantissa) is drawn from 256 equally likely quantiles
    of the normal distribution, the lower one at random."""
    normal = statistics.NormalDist()
    upper = [struct.pack("<e", deviation * normal.inv_cdf(0.5 + (k + 0.5) / 256))[1] for k in range(128)]
    table = bytes(upper + [byte | 0x80 for byte in upper])
    for start in range(0, count, STEP):
        length = min(STEP, count - start)
        piece = bytearray(2 * length)
        piece[0::2] = generator.randbytes(length)
        piece[1::2] = generator.randbytes(length).translate(table)
        yield piece


def ones(count):
    yield struct.pack("<f", 1) * count


def small_floats(generator, count):
    yield struct.pack(f"<{count}f", *(generator.gauss(0, 0.1) for _ in range(count)))


def tokenizer(path, size):
    """The metadata of the tokenizer with exactly `size` tokens."""
    metadata = {key: value for key, value in gguf_file.read_metadata(path).items() if key.startswith("tokenizer.")}
    tokens, merges = (metadata[f"tokenizer.ggml.{name}"][1] for name in ("tokens", "merges"))
    types = metadata["tokenizer.ggml.token_type"][1]
    # A merge is a pair of tokens with a space between them, and stands ahead of merges that need its result.
    merged = {merge.replace(b" ", b"") for merge in merges}
    least = 1 + max(index for index, token in enumerate(tokens) if types[index] != NORMAL_TOKEN or token not in merged)
    if size < least:
        sys.exit(f"error: --vocab is {size}; allowed: {least} or more, which are the tokens of single bytes")
    padding = range(max(0, size - len(tokens)))
    tokens = tokens[:size] + [b"<|unused-%d|>" % index for index in padding]
    types = types[:size] + [UNUSED_TOKEN for _ in padding]
    known = set(tokens)
    merges = [merge for merge in merges if known.issuperset([*merge.split(b" "), merge.replace(b" ", b"")])]
    for name, value in (("tokens", tokens), ("token_type", types), ("merges", merges)):
        key = f"tokenizer.ggml.{name}"
        metadata[key] = (metadata[key][0], value)
    return metadata


def hyper_parameters(shape):
    prefix = shape.architecture
    integers = {
        "block_count": shape.layers, "context_length": shape.context, "embedding_length": shape.hidden,
        "feed_forward_length": shape.ffn, "attention.head_count": shape.heads,
        "attention.head_count_kv": shape.kv_heads, "vocab_size": shape.vocab,
        "rope.dimension_count": shape.hidden // shape.heads,
    }
    floats = {"rope.freq_base": 10000.0, "attention.layer_norm_rms_epsilon": 1e-5}
    return {
        "general.architecture": (gguf_file.STRING, prefix.encode()),
        "general.name": (gguf_file.STRING, b"Random weights"),
        "general.file_type": (gguf_file.UINT32, gguf_file.F16),
        **{f"{prefix}.{key}": (gguf_file.UINT32, value) for key, value in integers.items()},
        **{f"{prefix}.{key}": (gguf_file.FLOAT32, value) for key, value in floats.items()},
    }


def tensors(shape):
    """(name, shape, type, pieces) of every tensor, as gguf_file.write takes them."""
    generator = random.Random(shape.seed)
    result = []

    def matrix(name, rows, columns):
        result.append((f"{name}.weight", (columns, rows), gguf_file.F16,
                       lambda: normal_pieces(generator, rows * columns, columns ** -0.5)))

    def norm(name):
        result.append((f"{name}.weight", (shape.hidden,), gguf_file.F32, lambda: ones(shape.hidden)))

    key_rows = shape.hidden // shape.heads * shape.kv_heads
    matrix("token_embd", shape.vocab, shape.hidden)
    for layer in range(shape.layers):
        name = f"blk.{layer}."
        norm(name + "attn_norm")
        for part, rows in (("attn_q", shape.hidden), ("attn_k", key_rows), ("attn_v", key_rows)):
            matrix(name + part, rows, shape.hidden)
            if shape.architecture == "qwen2":
                result.append((f"{name}{part}.bias", (rows,), gguf_file.F32,
                               lambda rows=rows: small_floats(generator, rows)))
        matrix(name + "attn_output", shape.hidden, shape.hidden)
        norm(name + "ffn_norm")
        matrix(name + "ffn_gate", shape.ffn, shape.hidden)
        matrix(name + "ffn_up", shape.ffn, shape.hidden)
        matrix(name + "ffn_down", shape.hidden, shape.ffn)
    norm("output_norm")
    if not shape.tied:
        matrix("output", shape.vocab, shape.hidden)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--architecture", choices=["llama", "qwen2"], default="llama", help="qwen2 has biases in attention")
    for name, value in (("hidden", 2048), ("layers", 8), ("heads", 32), ("kv-heads", 8), ("ffn", 5632), ("vocab", 32000)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--context", type=int, default=16384, help="tokens that the model says its context holds")
    parser.add_argument("--tied", action="store_true", help="the head is the embedding")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tokenizer", default=peer.default_model(), help="GGUF file with a byte-level BPE tokenizer")
    shape = parser.parse_args()
    if min(shape.hidden, shape.layers, shape.heads, shape.kv_heads, shape.ffn, shape.context) < 1:
        parser.error("sizes are 1 or more")
    if shape.hidden % shape.heads or shape.heads % shape.kv_heads:
        parser.error("--hidden is a multiple of --heads, and --heads of --kv-heads")
    peer.require_model(shape.tokenizer)
    gguf_file.write(shape.output, {**hyper_parameters(shape), **tokenizer(shape.tokenizer, shape.vocab)}, tensors(shape))


if __name__ == "__main__":
    main()
