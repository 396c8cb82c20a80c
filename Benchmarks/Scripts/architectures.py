#!/usr/bin/env python3
"""Compares logits of a tiny random model of each architecture with Hugging Face transformers in float32, of redrafter and of
llama.cpp, on the same files.

The checkpoints and what transformers gave are the fixtures of ArchitectureTests; `redrafter convert` makes the GGUF files, which
both engines read. Each figure is the largest difference over 64 positions and the whole vocabulary, as a part of the spread of
transformers' logits, and the positions at which the most probable token is the same.
"""
import array
import base64
import json
import os
import tempfile

import peer

FIXTURES = os.path.join(peer.ROOT, "Tests", "RedrafterTests", "Fixtures", "Architectures")


def tokenizer():
    """A token for every byte: what a folder needs to be converted."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = iter(range(256, 512))
    letters = [chr(byte) if byte in printable else chr(next(rest)) for byte in range(256)]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": byte_level, "post_processor": None,
        "decoder": byte_level, "model": {
            "type": "BPE", "vocab": {letter: byte for byte, letter in enumerate(letters)}, "merges": []}}


def floats(data):
    values = array.array("f")
    values.frombytes(data)
    return values


def compared(got, expected, vocabulary):
    """The largest difference as a part of the spread, and positions at which the top token is the same."""
    if len(got) != len(expected):
        return f"{len(got)} logits in place of {len(expected)}"
    difference = max(abs(a - b) for a, b in zip(got, expected)) / (max(expected) - min(expected))
    rows = range(0, len(expected), vocabulary)
    top = lambda values, row: max(range(row, row + vocabulary), key=values.__getitem__)
    same = sum(top(got, row) == top(expected, row) for row in rows)
    return f"{difference:.1e} ({same}/{len(rows)})"


def main():
    llama_cpp = peer.LlamaCpp(threads=1, rows=[])
    print("| architecture | redrafter, safetensors | redrafter, GGUF | llama.cpp, the same GGUF |\n|---|--:|--:|--:|")
    for name in sorted(os.listdir(FIXTURES)):
        source = os.path.join(FIXTURES, name)
        with open(os.path.join(source, "logits.json")) as file:
            fixture = json.load(file)
        expected, vocabulary = floats(base64.b64decode(fixture["logits"])), fixture["vocabulary"]
        with tempfile.TemporaryDirectory() as folder:
            path = lambda file: os.path.join(folder, file)
            for file in ["config.json", "model.safetensors"]:
                os.symlink(os.path.join(source, file), path(file))
            for file, content in [("tokenizer.json", tokenizer()), ("tokens.json", {"sequences": [fixture["tokens"]]})]:
                with open(path(file), "w") as output:
                    json.dump(content, output)
            peer.run([peer.BINARY, "convert", folder, path("model.gguf"), "--type", "f32"])
            row = []
            for model in [folder, path("model.gguf")]:
                peer.run([peer.BINARY, "logits", "-m", model, "--tokens", path("tokens.json"), "-o", path("logits")])
                with open(path("logits"), "rb") as file:
                    row.append(compared(floats(file.read()), expected, vocabulary))
            peer.run([llama_cpp.tool("peer_logits"), path("model.gguf"), path("tokens.json"), path("logits")])
            with open(path("logits"), "rb") as file:
                row.append(compared(floats(file.read()), expected, vocabulary))
        print(f"| {name} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
