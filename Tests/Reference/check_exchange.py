#!/usr/bin/env python3
"""Reads drafters that `redrafter convert` wrote with the libraries that other programs read them with, and checks names, shapes
and every number against the source. The modules below have the attribute names of those programs, so that loading them
with strict=True is what their loaders do.

    pip install torch safetensors gguf numpy
    check_exchange.py REDRAFTER RNN.gguf MEDUSA.gguf          (F16 drafters, as `redrafter train` leaves them)
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy
import torch
from gguf import GGUFReader
from safetensors.torch import load_file
from torch import nn


class ResidualBlock(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.linear = nn.Linear(size, size)


class Recurrent(nn.Module):
    """Attributes of ReDrafter's reference implementation."""

    def __init__(self, hidden, exit_size, layers, vocabulary):
        super().__init__()
        self.input_proj = nn.Linear(2 * hidden, exit_size)
        self.rnn_u = nn.Linear(hidden, hidden)
        self.rnn_w = nn.Linear(hidden, hidden, bias=False)
        self.lm_head = nn.Sequential(
            *[ResidualBlock(exit_size) for _ in range(layers)], nn.Linear(exit_size, vocabulary, bias=False))


def medusa(heads, hidden, layers, vocabulary):
    """The list of heads of Medusa's reference implementation."""
    return nn.ModuleList(
        nn.Sequential(*[ResidualBlock(hidden) for _ in range(layers)], nn.Linear(hidden, vocabulary, bias=False))
        for _ in range(heads))


class MedusaBlock(nn.Module):
    def __init__(self, hidden, layers):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(layers))


class ServedMedusa(nn.Module):
    """Attributes of vLLM's Medusa; its loader takes token_map beside them."""

    def __init__(self, heads, hidden, layers, rows):
        super().__init__()
        self.blocks = nn.ModuleList(MedusaBlock(hidden, layers) for _ in range(heads))
        self.lm_heads = nn.ModuleList(nn.Linear(hidden, rows, bias=False) for _ in range(heads))


def field(reader, name):
    value = reader.fields["redrafter." + name].contents()
    return value


def source(path):
    reader = GGUFReader(path)
    tensors = {t.name: torch.from_numpy(numpy.array(t.data)) for t in reader.tensors}
    return reader, tensors, torch.tensor(field(reader, "draft_vocabulary"))


def convert(redrafter, path, folder, layout):
    subprocess.run([redrafter, "convert", path, folder, "--layout", layout], check=True, capture_output=True)
    names = [n for n in os.listdir(folder) if n.endswith(".safetensors")]
    with open(os.path.join(folder, "config.json")) as file:
        return load_file(os.path.join(folder, names[0])), json.load(file)


def same(name, got, expected):
    assert got.shape == expected.shape, f"{name}: {tuple(got.shape)}, expected {tuple(expected.shape)}"
    assert torch.equal(got.float(), expected.float()), f"{name}: other numbers"


def check_whole_head(name, got, rows, tokens):
    """Rows of the draft vocabulary stand at their tokens. Where the head has room for a constant (one input more), the others can
    never win; else they are zero."""
    size = rows.shape[1]
    same(name, got[tokens][:, :size], rows)
    others = torch.ones(got.shape[0], dtype=torch.bool)
    others[tokens] = False
    assert not got[others][:, :size].any(), f"{name}: rows outside the draft vocabulary hold something"
    if got.shape[1] > size:
        assert (got[others][:, size] < -9000).all() and not got[tokens][:, size:].any(), f"{name}: the constant's column"


def check_recurrent(stored, tensors, tokens, head):
    """Every tensor holds its source in the upper left corner; what was added is zero, or the constant 1."""
    assert set(stored) == set(tensors), set(stored) ^ set(tensors)
    for name, value in stored.items():
        source = tensors[name]
        if name == head:
            check_whole_head(name, value, source, tokens)
            continue
        same(name, value[tuple(slice(0, n) for n in source.shape)], source)
        added = value.float().sum() - source.float().sum()
        expected = 1 if name == "input_proj.bias" and value.shape != source.shape else 0
        assert abs(added - expected) < 1e-2, f"{name}: {added} was added"


def main():
    redrafter, rnn_path, medusa_path = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        reader, tensors, tokens = source(rnn_path)
        hidden, exit_size, layers = (field(reader, n) for n in ("hidden_size", "exit_dim", "layer_count"))
        head = f"lm_head.{layers}.weight"
        stored, config = convert(redrafter, rnn_path, os.path.join(directory, "apple"), "apple")
        vocabulary = stored[head].shape[0]
        wide = stored[head].shape[1]
        Recurrent(hidden, wide, layers, vocabulary).load_state_dict(stored, strict=True)
        check_recurrent(stored, tensors, tokens, head)
        assert (config["hidden_size"], config["exit_dim"], config["num_draft_layers"], config["vocab_size"]) == (
            hidden, wide, layers, vocabulary), config
        assert config["rnn"] is True and config["model_type"] == "recurrent_drafting_drafter", config
        print("apple: ok")
        stored, config = convert(redrafter, rnn_path, os.path.join(directory, "trt"), "tensorrt-llm")
        spelling = {"input_projs": "input_proj", "lm_heads": "lm_head"}
        renamed = {".".join([spelling.get(n.split(".")[0], n.split(".")[0])] + n.split(".")[1:]): v for n, v in stored.items()}
        check_recurrent(renamed, tensors, tokens, head)
        print("tensorrt-llm: ok")

        reader, tensors, tokens = source(medusa_path)
        heads, layers = field(reader, "head_count"), field(reader, "layer_count")
        stored, config = convert(redrafter, medusa_path, os.path.join(directory, "medusa"), "medusa")
        medusa(heads, hidden, layers, vocabulary).load_state_dict(stored, strict=True)
        for name, value in stored.items():
            if name.endswith(f".{layers}.weight"):
                check_whole_head(name, value, tensors[name], tokens)
            else:
                same(name, value, tensors[name])
        assert (config["medusa_num_heads"], config["medusa_num_layers"]) == (heads, layers), config
        print("medusa: ok")
        stored, config = convert(redrafter, medusa_path, os.path.join(directory, "vllm"), "vllm")
        same("token_map", stored.pop("token_map"), tokens)
        ServedMedusa(heads, hidden, layers, len(tokens)).load_state_dict(stored, strict=True)
        for name, value in stored.items():
            parts = name.split(".")
            canonical = (
                f"{parts[1]}.{parts[3]}.linear.{parts[4]}" if parts[0] == "blocks" else f"{parts[1]}.{layers}.weight")
            same(name, value, tensors[canonical])
        assert (config["num_heads"], config["truncated_vocab_size"]) == (heads, len(tokens)), config
        print("vllm: ok")
        back = os.path.join(directory, "back.gguf")
        subprocess.run(
            [redrafter, "convert", os.path.join(directory, "vllm"), back, "--layout", "gguf"], check=True, capture_output=True)
        _, returned, returned_tokens = source(back)
        same("draft vocabulary", returned_tokens, tokens)
        for name, value in tensors.items():
            same(name, returned[name], value)
        print("vllm and back: ok")


main()
