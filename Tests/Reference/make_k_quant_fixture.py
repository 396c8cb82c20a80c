#!/usr/bin/env python3
"""Makes Tests/RedrafterTests/Fixtures/tiny.Q4_K_M.gguf and the logits that float32 arithmetic gives for it.

A random llama of two layers whose rows are 256 elements wide, as K-quants need, is quantised by llama.cpp's
llama-quantize; its weights are dequantised by the PyPI package gguf and run in numpy.

    python3 make_k_quant_fixture.py LLAMA_QUANTIZE OUTPUT_FOLDER      (needs numpy and gguf)
"""
import json
import os
import subprocess
import sys
import tempfile

import gguf
import numpy as np

HIDDEN, HEADS, KV_HEADS, HEAD_SIZE, FFN, LAYERS = 256, 4, 1, 64, 256, 2
EPSILON, ROPE_BASE = 1e-5, 10000.0
PROMPT = [72, 101, 108, 108, 111, 44, 32, 119, 111, 114, 108, 100, 33, 10, 7, 200, 258, 31, 99, 3]


def byte_alphabet():
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    names = {byte: chr(byte) for byte in printable}
    fresh = 256
    for byte in range(256):
        if byte not in names:
            names[byte] = chr(fresh)
            fresh += 1
    return [names[byte] for byte in range(256)]


def write_model(path):
    random = np.random.default_rng(11)
    tokens = byte_alphabet() + ["ab", "<|end|>", "<|pad|>"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("Tiny")
    writer.add_block_count(LAYERS)
    writer.add_context_length(64)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_rope_dimension_count(HEAD_SIZE)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * 257 + [3, 3])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(257)
    writer.add_eos_token_id(257)
    writer.add_add_bos_token(False)

    def matrix(rows, columns, scale=1.0):
        return (random.standard_normal((rows, columns)) * scale / np.sqrt(columns)).astype(np.float32)

    def norm():
        return random.uniform(0.5, 1.5, HIDDEN).astype(np.float32)

    writer.add_tensor("token_embd.weight", matrix(len(tokens), HIDDEN, 16))
    for layer in range(LAYERS):
        name = f"blk.{layer}."
        writer.add_tensor(name + "attn_norm.weight", norm())
        writer.add_tensor(name + "attn_q.weight", matrix(HEADS * HEAD_SIZE, HIDDEN))
        writer.add_tensor(name + "attn_k.weight", matrix(KV_HEADS * HEAD_SIZE, HIDDEN))
        writer.add_tensor(name + "attn_v.weight", matrix(KV_HEADS * HEAD_SIZE, HIDDEN))
        writer.add_tensor(name + "attn_output.weight", matrix(HIDDEN, HEADS * HEAD_SIZE))
        writer.add_tensor(name + "ffn_norm.weight", norm())
        writer.add_tensor(name + "ffn_gate.weight", matrix(FFN, HIDDEN))
        writer.add_tensor(name + "ffn_up.weight", matrix(FFN, HIDDEN))
        writer.add_tensor(name + "ffn_down.weight", matrix(HIDDEN, FFN))
    writer.add_tensor("output_norm.weight", norm())
    writer.add_tensor("output.weight", matrix(len(tokens), HIDDEN, 3))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def load(path):
    reader = gguf.GGUFReader(path)
    weights, types = {}, {}
    for tensor in reader.tensors:
        shape = [int(size) for size in reversed(tensor.shape)]
        weights[tensor.name] = gguf.dequantize(tensor.data, tensor.tensor_type).reshape(shape).astype(np.float32)
        types[tensor.name] = tensor.tensor_type.name
    return weights, types


def rms_norm(x, weight):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * weight


def rotate(x, positions):
    """Pairs (2i, 2i + 1) of each head. x [tokens, heads, size]"""
    frequencies = ROPE_BASE ** (-np.arange(0, HEAD_SIZE, 2) / HEAD_SIZE)
    angles = positions[:, None] * frequencies
    cosine, sine = np.cos(angles)[:, None, :], np.sin(angles)[:, None, :]
    result = np.empty_like(x)
    result[..., 0::2] = x[..., 0::2] * cosine - x[..., 1::2] * sine
    result[..., 1::2] = x[..., 0::2] * sine + x[..., 1::2] * cosine
    return result


def forward(weights, tokens):
    positions = np.arange(len(tokens), dtype=np.float64)
    mask = np.triu(np.full((len(tokens), len(tokens)), -np.inf), 1)
    x = weights["token_embd.weight"][tokens].astype(np.float64)
    for layer in range(LAYERS):
        w = lambda part: weights[f"blk.{layer}.{part}.weight"].astype(np.float64)
        h = rms_norm(x, w("attn_norm"))
        q = rotate((h @ w("attn_q").T).reshape(-1, HEADS, HEAD_SIZE), positions)
        k = rotate((h @ w("attn_k").T).reshape(-1, KV_HEADS, HEAD_SIZE), positions)
        v = (h @ w("attn_v").T).reshape(-1, KV_HEADS, HEAD_SIZE)
        heads = []
        for head in range(HEADS):
            group = head * KV_HEADS // HEADS
            scores = q[:, head] @ k[:, group].T / np.sqrt(HEAD_SIZE) + mask
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            heads.append(scores / scores.sum(-1, keepdims=True) @ v[:, group])
        x = x + np.concatenate(heads, -1) @ w("attn_output").T
        h = rms_norm(x, w("ffn_norm"))
        gate = h @ w("ffn_gate").T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ w("ffn_up").T)) @ w("ffn_down").T
    return rms_norm(x, weights["output_norm.weight"]) @ weights["output.weight"].astype(np.float64).T


def main():
    quantize, folder = sys.argv[1:]
    path = os.path.join(folder, "tiny.Q4_K_M.gguf")
    with tempfile.TemporaryDirectory() as scratch:
        source = os.path.join(scratch, "tiny.f32.gguf")
        write_model(source)
        subprocess.run([quantize, source, path, "Q4_K_M", "1"], check=True, stdout=subprocess.DEVNULL)
    weights, types = load(path)
    logits = forward(weights, PROMPT)
    with open(os.path.join(folder, "tiny.Q4_K_M.json"), "w") as file:
        json.dump(
            {"tokens": PROMPT, "types": sorted(set(types.values())),
             "logits": [[float(f"{value:.5g}") for value in row] for row in logits]}, file)
        file.write("\n")


main()
