#!/usr/bin/env python3
"""Drafters that `redrafter convert` writes, read by the libraries of the programs they are for.

  check_exchange.py REDRAFTER [DRAFTER …]

Makes drafters of seeded random weights with the real `safetensors` package, converts each into every layout that can hold
it, directly and by way of GGUF, and reads the results back as those programs do: names, shapes, types and bits must be
those of the source, `config.json` must have the fields they read, and a module of the same attribute names must load with
nothing missing and nothing left over and compute the same. DRAFTER: folders in the reference layout of ReDrafter to
convert as well (Benchmarks/Scripts/random-drafter.py makes one).

Needs safetensors, numpy and torch (the CPU build does). transformers, gguf and medusa-llm (with transformers 4.36), where
they are installed, load the files as well. Ends with exit code 1 at the first difference.
"""
import json
import os
import subprocess
import sys
import tempfile
from argparse import Namespace

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

# What each program reads of config.json, with the type it needs.
APPLE = {"vocab_size": int, "hidden_size": int, "exit_dim": int, "num_draft_layers": int, "rnn": bool, "model_type": str}
TENSORRT = {"hidden_size": int, "exit_dim": int, "num_draft_layers": int, "rnn": bool}
MEDUSA = {"medusa_num_heads": int, "medusa_num_layers": int}
VLLM = {"model_type": str, "architectures": list, "hidden_size": int, "vocab_size": int, "num_heads": int,
        "num_hidden_layers": int, "medusa_fc_bias": bool}
FIELDS = {"apple": APPLE, "tensorrt-llm": TENSORRT, "medusa": MEDUSA, "vllm": VLLM}
FILES = {"apple": "model.safetensors", "tensorrt-llm": "model.safetensors", "medusa": "medusa_lm_head.safetensors",
         "vllm": "model.safetensors"}


# MARK: The modules of those programs, by their attribute names


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


# MARK: How those programs read a folder


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


# MARK: Checks


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(
        a.contiguous().view(torch.uint8), b.contiguous().view(torch.uint8))


def compare(expected, got, what):
    assert set(expected) == set(got), f"{what}: names differ: {sorted(set(expected) ^ set(got))}"
    for name in expected:
        a, b = expected[name], got[name]
        assert same_bits(a, b), f"{what}: {name}: {a.dtype} {tuple(a.shape)} against {b.dtype} {tuple(b.shape)}, or bits"


def renamed(tensors, layout, layers):
    """The source's tensors under the names of another layout."""
    result = {}
    for name, tensor in tensors.items():
        parts = name.split(".")
        if layout == "tensorrt-llm":
            parts[0] = {"lm_head": "lm_heads", "input_proj": "input_projs"}.get(parts[0], parts[0])
        elif layout == "vllm" and name != "token_map":
            head, index = parts[0], int(parts[1])
            parts = ["lm_heads", head, "weight"] if index == layers else ["blocks", head, "layers", parts[1], parts[-1]]
        result[".".join(parts)] = tensor
    return result


def convert(program, source, target, *options):
    command = [program, "convert", source, target, *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}: {done.stderr}"


def check_folder(folder, layout, tensors, what):
    """Names, shapes, types, bits, and the fields of the configuration."""
    path = os.path.join(folder, FILES[layout])
    with safe_open(path, framework="pt") as file:
        # transformers refuses a file that does not say so.
        assert (file.metadata() or {}).get("format") == "pt", f"{what}: metadata {file.metadata()}"
        assert set(file.keys()) == set(tensors), f"{what}: names {sorted(set(file.keys()) ^ set(tensors))}"
    got = load_file(path)
    compare(tensors, got, what)
    config = json.load(open(os.path.join(folder, "config.json")))
    for field, kind in FIELDS[layout].items():
        assert type(config.get(field)) is kind, f"{what}: {field} is {config.get(field)!r}, needs {kind.__name__}"
    types = {str(t.dtype).removeprefix("torch.") for n, t in tensors.items() if n != "token_map"}
    if len(types) == 1:
        assert config.get("torch_dtype") == types.pop(), f"{what}: torch_dtype {config.get('torch_dtype')}"
    return config, got


def check_gguf(path, tensors, what):
    try:
        from gguf import GGUFReader
    except ImportError:
        return
    reader = GGUFReader(path)
    found = {tensor.name: tensor for tensor in reader.tensors}
    assert len(found) == len(tensors) - ("token_map" in tensors), f"{what}: {sorted(found)}"
    for name, tensor in tensors.items():
        if name == "token_map":
            continue
        # Biases are F32 there whatever they were.
        tensor = tensor.float() if name.endswith(".bias") else tensor
        data = bytes(found[name].data.tobytes())
        assert data == tensor.contiguous().view(torch.uint8).numpy().tobytes(), f"{what}: {name} differs in GGUF"


def logits_of(module, inputs):
    with torch.no_grad():
        return module.float()(*inputs)


def check_transformers(folder, tensors, what):
    """The reference loads by `PreTrainedModel.from_pretrained`."""
    try:
        import transformers
    except ImportError:
        return
    transformers.utils.logging.disable_progress_bar()

    class Config(transformers.PretrainedConfig):
        model_type = "recurrent_drafting_drafter"

        def __init__(self, vocab_size=-1, hidden_size=-1, exit_dim=-1, num_draft_layers=-1, num_lookback_tokens=-1,
                     rnn=False, **rest):
            super().__init__(**rest)
            self.vocab_size, self.hidden_size, self.exit_dim = vocab_size, hidden_size, exit_dim
            self.num_draft_layers, self.num_lookback_tokens, self.rnn = num_draft_layers, num_lookback_tokens, rnn

    class Model(transformers.PreTrainedModel):
        config_class = Config

        def __init__(self, config):
            super().__init__(config)
            for name, module in Recurrent(config.to_dict()).named_children():
                setattr(self, name, module)
            self.post_init()

        def _init_weights(self, module):
            pass

    model, report = Model.from_pretrained(folder, output_loading_info=True, torch_dtype="auto")
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not report.get(kind), f"{what}: {kind}: {report[kind]}"
    compare(tensors, dict(model.state_dict()), what + ", transformers")


def medusa_package_heads(heads, layers, hidden, vocabulary):
    """The heads of the medusa-llm package over a tiny model; None where it is not installed."""
    try:
        import transformers
        from medusa.model import medusa_model
    except ImportError:
        return None
    medusa_model.AutoTokenizer = Namespace(from_pretrained=lambda _: None)
    base = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        hidden_size=hidden, intermediate_size=hidden, num_hidden_layers=1, num_attention_heads=2, vocab_size=vocabulary))
    return medusa_model.MedusaModel(base, heads, layers).medusa_head


def check_recurrent(program, source, work, name):
    tensors = load_file(os.path.join(source, "model.safetensors"))
    config = json.load(open(os.path.join(source, "config.json")))
    reference = Recurrent(config)
    reference.load_state_dict(tensors, strict=True)
    generator = torch.Generator().manual_seed(5)
    inputs = [torch.randn(3, config["hidden_size"], generator=generator) for _ in range(3)]
    expected = logits_of(reference, inputs)
    gguf = os.path.join(work, name + ".gguf")
    convert(program, source, gguf)
    check_gguf(gguf, tensors, name)
    for start, way in ((source, "directly"), (gguf, "by way of GGUF")):
        # GGUF keeps biases in F32: only their values come back there, under the type asked for.
        kinds = {t.dtype for t in tensors.values()}
        options = ["--type", {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}[kinds.pop()]]
        for layout in ("apple", "tensorrt-llm"):
            what = f"{name}, {layout}, {way}"
            folder = os.path.join(work, f"{name}-{layout}-{way[:2]}")
            convert(program, start, folder, "--layout", layout, *(options if start == gguf else []))
            written, got = check_folder(folder, layout, renamed(tensors, layout, config["num_draft_layers"]), what)
            for field in ("vocab_size", "hidden_size", "exit_dim", "num_draft_layers", "rnn"):
                assert written[field] == config[field], f"{what}: {field} is {written[field]}"
            if layout == "apple":
                check_transformers(folder, tensors, what)
            else:
                got = tensorrt_tensors(folder)
                compare(tensors, got, what + ", by the converter's names")
            module = Recurrent(written)
            module.load_state_dict(got, strict=True)
            assert torch.equal(logits_of(module, inputs), expected), f"{what}: other logits"
            print(f"ok  {what}: {len(got)} tensors")


def check_medusa(program, source, work, name, heads, layers, hidden, vocabulary, token_map=None):
    draft = vocabulary if token_map is None else len(token_map)
    is_vllm = token_map is not None
    stored = load_file(os.path.join(source, FILES["vllm" if is_vllm else "medusa"]))
    reference = medusa_heads(heads, layers, hidden, draft)
    plain = {}
    for key, tensor in stored.items():
        parts = key.split(".")
        if parts[0] == "blocks":
            key = f"{parts[1]}.{parts[3]}.linear.{parts[4]}"
        elif parts[0] == "lm_heads":
            key = f"{parts[1]}.{layers}.weight"
        plain[key] = tensor
    reference.load_state_dict({k: t for k, t in plain.items() if k != "token_map"}, strict=True)
    x = torch.randn(3, hidden, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        reference = reference.float()
        expected = torch.stack([head(x) for head in reference])
    gguf = os.path.join(work, name + ".gguf")
    convert(program, source, gguf)
    check_gguf(gguf, plain, name)
    dtype = next(t.dtype for k, t in plain.items() if k != "token_map")
    options = ["--type", {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}[dtype]]
    for start, way in ((source, "directly"), (gguf, "by way of GGUF")):
        for layout in ("vllm",) if is_vllm else ("medusa", "vllm"):
            what = f"{name}, {layout}, {way}"
            folder = os.path.join(work, f"{name}-{layout}-{way[:2]}")
            convert(program, start, folder, "--layout", layout, *(options if start == gguf else []))
            config, got = check_folder(folder, layout, renamed(plain, layout, layers), what)
            if layout == "medusa":
                assert (config["medusa_num_heads"], config["medusa_num_layers"]) == (heads, layers), what
                # The reference reads medusa_lm_head.pt; this makes one.
                pickled = os.path.join(folder, "medusa_lm_head.pt")
                torch.save(load_file(os.path.join(folder, FILES["medusa"])), pickled)
                module = medusa_heads(heads, layers, hidden, vocabulary)
                # The package shares one block in a head: it can hold heads of one block only.
                package = medusa_package_heads(heads, layers, hidden, vocabulary) if layers == 1 else None
                for module in (module,) if package is None else (module, package):
                    module.load_state_dict(torch.load(pickled, map_location="cpu"), strict=True)
                    with torch.no_grad():
                        result = torch.stack([head(x) for head in module.float()])
                    assert torch.equal(result, expected), f"{what}: other logits"
                what += "" if package is None else ", medusa-llm"
            else:
                config = vllm_config(config)
                assert config["architectures"] == ["MedusaModel"] and config["model_type"] == "medusa", what
                assert (config["num_heads"], config["num_hidden_layers"]) == (heads, layers), what
                assert config["vocab_size"] == vocabulary, what
                module = VLLMMedusa(config)
                module.load(got)
                result = logits_of(module, [x])
                if is_vllm:
                    others = torch.ones(vocabulary, dtype=torch.bool)
                    others[token_map] = False
                    assert torch.isinf(result[..., others]).all(), f"{what}: a token outside the draft vocabulary"
                    result = result[..., token_map]
                assert torch.equal(result, expected), f"{what}: other logits"
            print(f"ok  {what}: {len(got)} tensors")


# MARK: Sources


def random_tensors(module, dtype, seed):
    generator = torch.Generator().manual_seed(seed)
    return {key: (torch.randn(value.shape, generator=generator) * 0.2).to(dtype)
            for key, value in module.state_dict().items()}


def write(folder, file, tensors, config):
    os.makedirs(folder)
    save_file(tensors, os.path.join(folder, file), metadata={"format": "pt"})
    with open(os.path.join(folder, "config.json"), "w") as out:
        json.dump(config, out)
    return folder


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program, others = os.path.abspath(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as work:
        cases = [
            ("recurrent with a projection, two blocks, F32", torch.float32, (211, 64, 96, 2, True)),
            ("recurrent without projection, BF16", torch.bfloat16, (211, 64, 128, 1, True)),
            ("sum of embeddings without blocks, F16", torch.float16, (97, 32, 64, 0, False)),
        ]
        for index, (name, dtype, sizes) in enumerate(cases):
            config = dict(zip(("vocab_size", "hidden_size", "exit_dim", "num_draft_layers", "rnn"), sizes))
            config |= {"model_type": "recurrent_drafting_drafter", "num_lookback_tokens": -1}
            tensors = random_tensors(Recurrent(config), dtype, index)
            source = write(os.path.join(work, f"source-{index}"), "model.safetensors", tensors, config)
            check_recurrent(program, source, work, name)
        for index, folder in enumerate(others):
            check_recurrent(program, folder, work, f"drafter {index + 1}")
        for index, (name, dtype, heads, layers) in enumerate(
                [("Medusa of three heads, F16", torch.float16, 3, 1), ("Medusa of two blocks, BF16", torch.bfloat16, 4, 2)]):
            tensors = random_tensors(medusa_heads(heads, layers, 64, 211), dtype, 10 + index)
            config = {"medusa_num_heads": heads, "medusa_num_layers": layers}
            source = write(os.path.join(work, f"medusa-{index}"), FILES["medusa"], tensors, config)
            check_medusa(program, source, work, name, heads, layers, 64, 211)
        config = {"model_type": "medusa", "architectures": ["MedusaModel"], "hidden_size": 64, "vocab_size": 211,
                  "truncated_vocab_size": 40, "num_heads": 3, "num_hidden_layers": 1, "medusa_fc_bias": True}
        tensors = random_tensors(VLLMMedusa(config), torch.float32, 20)
        token_map = torch.randperm(211, generator=torch.Generator().manual_seed(6))[:40].sort().values
        source = write(os.path.join(work, "vllm"), "model.safetensors", tensors | {"token_map": token_map}, config)
        check_medusa(program, source, work, "vLLM's Medusa with a draft vocabulary, F32", 3, 1, 64, 211, token_map)
    print("all layouts load")


main()
