"""The modules of the programs that read drafters, by their attribute names, and how those programs read a folder."""
import json
import os
from argparse import Namespace

import torch
from safetensors import safe_open
from torch import nn


class Block(nn.Module):
    """x + SiLU(linear(x)), as ReDrafter and Medusa name it."""

    def __init__(self, size):
        super().__init__()
        self.linear = nn.Linear(size, size)

    def forward(self, x):
        return x + nn.functional.silu(self.linear(x))


class Recurrent(nn.Module):
    """ReDrafter's reference drafter."""

    def __init__(self, config):
        super().__init__()
        hidden, exit_size = config["hidden_size"], config["exit_dim"]
        if 2 * hidden != exit_size:
            self.input_proj = nn.Linear(2 * hidden, exit_size)
        blocks = [Block(exit_size) for _ in range(config["num_draft_layers"])]
        self.lm_head = nn.Sequential(*blocks, nn.Linear(exit_size, config["vocab_size"], bias=False))
        if config["rnn"]:
            self.rnn_u = nn.Linear(hidden, hidden)
            self.rnn_w = nn.Linear(hidden, hidden, bias=False)
        self.rnn = config["rnn"]

    def forward(self, hidden, embedding, state):
        new = nn.functional.silu(self.rnn_w(embedding) + self.rnn_u(state)) if self.rnn else embedding + state
        x = torch.cat([hidden, new], dim=-1)
        return self.lm_head(self.input_proj(x) if hasattr(self, "input_proj") else x)


def medusa_heads(heads, layers, hidden, vocabulary):
    """Medusa's reference heads: what its `medusa_head` attribute is."""
    return nn.ModuleList(
        nn.Sequential(*(Block(hidden) for _ in range(layers)), nn.Linear(hidden, vocabulary, bias=False))
        for _ in range(heads))


class VLLMBlock(nn.Module):
    def __init__(self, hidden, layers, bias):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(hidden, hidden, bias=bias) for _ in range(layers))

    def forward(self, x):
        for layer in self.layers:
            x = x + nn.functional.silu(layer(x))
        return x


class VLLMMedusa(nn.Module):
    """vLLM's Medusa: blocks and heads apart, heads over the draft vocabulary where there is one."""

    def __init__(self, config):
        super().__init__()
        hidden, heads = config["hidden_size"], config["num_heads"]
        self.vocabulary = config["vocab_size"]
        self.draft = config.get("truncated_vocab_size") or self.vocabulary
        bias = config.get("medusa_fc_bias", False)
        self.blocks = nn.ModuleList(VLLMBlock(hidden, config["num_hidden_layers"], bias) for _ in range(heads))
        self.lm_heads = nn.ModuleList(nn.Linear(hidden, self.draft, bias=False) for _ in range(heads))
        self.token_map = None

    def load(self, tensors):
        """Its loader takes what it knows by name and drops the rest without a word: here nothing may be dropped."""
        tensors = {name.replace("medusa_heads.", ""): tensor for name, tensor in tensors.items()}
        token_map = tensors.pop("token_map", None)
        if self.draft < self.vocabulary:
            assert token_map is not None, "truncated_vocab_size without token_map"
            self.token_map = token_map
        else:
            assert token_map is None, "token_map without truncated_vocab_size"
        self.load_state_dict(tensors, strict=True)

    def forward(self, x):
        result = []
        for block, head in zip(self.blocks, self.lm_heads):
            logits = head(block(x))
            if self.token_map is not None:
                whole = torch.full((*logits.shape[:-1], self.vocabulary), -torch.inf, dtype=logits.dtype)
                whole[..., self.token_map] = logits
                logits = whole
            result.append(logits)
        return torch.stack(result)


def vllm_config(stored):
    """vLLM renames every field with "num" and "heads" or "layers" in its name; two such fields would collide."""
    config = {}
    for key, value in stored.items():
        if "num" in key and "heads" in key:
            key = "num_heads"
        elif "num" in key and "layers" in key:
            key = "num_hidden_layers"
        assert key not in config, f"two fields become {key}"
        config[key] = value
    return config


def tensorrt_tensors(folder):
    """TensorRT-LLM's converter: a namespace of config.json, and each tensor under the first of its names."""
    config = Namespace(**json.load(open(os.path.join(folder, "config.json"))))
    with safe_open(os.path.join(folder, "model.safetensors"), framework="pt", device="cpu") as file:
        stored = {key: file.get_tensor(key) for key in file.keys()}
    used = {}

    def take(target, names, endings):
        name = next(n for n in names if all(n + e in stored for e in endings))
        for ending in endings:
            used[target + ending] = stored.pop(name + ending)

    both, weight = (".weight", ".bias"), (".weight",)
    if config.hidden_size * 2 != config.exit_dim:
        take("input_proj", ["input_proj", "input_projs"], both)
    for layer in range(config.num_draft_layers):
        take(f"lm_head.{layer}.linear", [f"{p}.{layer}.linear" for p in ("lm_head", "lm_heads", "0")], both)
    last = config.num_draft_layers
    take(f"lm_head.{last}", [f"{p}.{last}" for p in ("lm_head", "lm_heads", "0")], weight)
    if config.rnn:
        take("rnn_u", ["rnn_u"], both)
        take("rnn_w", ["rnn_w"], weight)
    assert not stored, f"never read: {sorted(stored)}"
    return used
