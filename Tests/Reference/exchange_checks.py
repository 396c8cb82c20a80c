"""Converts a drafter into every layout that can hold it and compares what comes out with the source."""
import json
import os
import subprocess
from argparse import Namespace

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from exchange_modules import Recurrent, VLLMMedusa, medusa_heads, tensorrt_tensors, vllm_config

# What each program reads of config.json, with the type it needs.
APPLE = {"vocab_size": int, "hidden_size": int, "exit_dim": int, "num_draft_layers": int, "rnn": bool, "model_type": str}
TENSORRT = {"hidden_size": int, "exit_dim": int, "num_draft_layers": int, "rnn": bool}
MEDUSA = {"medusa_num_heads": int, "medusa_num_layers": int}
VLLM = {"model_type": str, "architectures": list, "hidden_size": int, "vocab_size": int, "num_heads": int,
        "num_hidden_layers": int, "medusa_fc_bias": bool}
FIELDS = {"apple": APPLE, "tensorrt-llm": TENSORRT, "medusa": MEDUSA, "vllm": VLLM}
FILES = {"apple": "model.safetensors", "tensorrt-llm": "model.safetensors", "medusa": "medusa_lm_head.safetensors",
         "vllm": "model.safetensors"}


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
