#!/usr/bin/env python3
"""Makes the fixtures of ArchitectureTests: for each architecture a tiny model of seeded random weights, made by Hugging Face
transformers' own class, the logits that it gives in float32 for 64 tokens (with keys and values in float32, and rounded to half
precision as the cache of this project has them), and the GGUF file that llama.cpp's converter makes of it.

    python3 make_architecture_fixtures.py LLAMA_CPP [NAME...]

LLAMA_CPP is the folder of llama.cpp's sources (`vendor/llama.cpp` of the package llama-cpp-python 0.3.36). Needs torch,
transformers 5.24, safetensors and gguf. The vocabularies have no tokenizer, so the converter's step that writes one is left out.
"""

import base64
import contextlib
import importlib
import json
import pathlib
import shutil
import sys
import tempfile

import numpy
import torch
import transformers

HERE = pathlib.Path(__file__).parent / "Architectures"
POSITIONS = 64
# Some more than the toy tokenizer of the tests has.
VOCABULARY = 264
SIZES = dict(
    vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2,
    num_key_value_heads=1, max_position_embeddings=128, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2,
    pad_token_id=0, tie_word_embeddings=True)
WIDE = dict(num_attention_heads=4, num_key_value_heads=2, head_dim=16)

MODELS = {
    "llama": ("Llama", dict(
        tie_word_embeddings=False, attention_bias=True, rope_theta=10_000.0, rope_scaling=dict(
            rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
            original_max_position_embeddings=32))),
    "llama-linear": ("Llama", dict(rope_scaling=dict(rope_type="linear", factor=2.5))),
    "llama-yarn": ("Llama", dict(rope_scaling=dict(
        rope_type="yarn", factor=4.0, original_max_position_embeddings=32))),
    "mistral": ("Mistral", dict(sliding_window=20)),
    "qwen2": ("Qwen2", dict(use_sliding_window=True, sliding_window=20, max_window_layers=1)),
    "qwen3": ("Qwen3", dict(**WIDE)),
    "gemma2": ("Gemma2", dict(
        **WIDE, sliding_window=20, query_pre_attn_scalar=16, attn_logit_softcapping=5.0,
        final_logit_softcapping=12.0)),
    "gemma3": ("Gemma3Text", dict(
        **WIDE, num_hidden_layers=6, sliding_window=20, query_pre_attn_scalar=16,
        rope_theta=1e6, rope_local_base_freq=1e4, rope_scaling=dict(rope_type="linear", factor=8.0))),
    "phi3": ("Phi3", dict(sliding_window=20, tie_word_embeddings=False)),
    "phi3-longrope": ("Phi3", dict(
        hidden_size=64, num_key_value_heads=2, sliding_window=None, original_max_position_embeddings=32,
        partial_rotary_factor=0.5, rope_scaling=dict(
            rope_type="longrope", short_factor=[1.0 + i / 8 for i in range(8)],
            long_factor=[1.0 + i for i in range(8)]))),
    "smollm3": ("SmolLM3", dict(num_hidden_layers=4)),
    "granite": ("Granite", dict(
        embedding_multiplier=6.0, residual_multiplier=0.25, attention_multiplier=0.125, logits_scaling=4.0, tie_word_embeddings=False)),
    "olmo2": ("Olmo2", dict(num_hidden_layers=2, tie_word_embeddings=False)),
}


# Steps of 1/64 from 0, at most; 20 for other matrices. Attention is as peaked, and adds as much, as in trained models.
SPREADS = {"q_proj": 8, "k_proj": 8, "v_proj": 6, "qkv_proj": 6, "o_proj": 12, "embed_tokens": 60}


def fill(model, generator):
    """Weights that are multiples of 1/64, so that the files compress well."""
    for name, parameter in model.named_parameters():
        is_norm = name.endswith("norm.weight") or "layernorm" in name
        spread = 12 if is_norm else next((SPREADS[part] for part in SPREADS if part in name), 20)
        steps = torch.randint(-spread, spread + 1, parameter.shape, generator=generator)
        # Norms around what leaves a vector as it is: 0 where the class adds 1.
        start = float(parameter.data.flatten()[0]) if is_norm else 0.0
        parameter.data = steps.float() / 64 + start


def encoded(tensor):
    return base64.b64encode(tensor.numpy().astype("<f4").tobytes()).decode()


@contextlib.contextmanager
def halved_cache(module_name):
    """Keys and values as a cache of half precision holds them; all else stays float32."""
    module = importlib.import_module(module_name)
    original = module.eager_attention_forward

    def attention(layer, query, key, value, *args, **options):
        return original(layer, query, key.half().float(), value.half().float(), *args, **options)

    module.eager_attention_forward = attention
    try:
        yield
    finally:
        module.eager_attention_forward = original


def make(name, family, options):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    configuration = getattr(transformers, family + "Config")(**{**SIZES, **options})
    family_class = getattr(transformers, family.removesuffix("Text") + "ForCausalLM")
    configuration._attn_implementation = "eager"
    model = family_class(configuration).float().eval()
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    fill(model, generator)
    tokens = torch.randint(3, VOCABULARY, (1, POSITIONS), generator=generator)
    with torch.no_grad():
        logits = model(tokens).logits[0]
        with halved_cache(family_class.__module__):
            halved = model(tokens).logits[0]
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "logits.json").write_text(json.dumps({
        "tokens": tokens[0].tolist(), "vocabulary": VOCABULARY, "transformers": transformers.__version__,
        "logits": encoded(logits), "halved": encoded(halved)}))
    difference = float((logits - halved).abs().max() / (logits.max() - logits.min()))
    print(f"{name}: keys and values in half precision change the logits by {difference:.1e} of their spread")
    return folder


def convert(folder, llama_cpp):
    """The GGUF file of a checkpoint, by llama.cpp's converter."""
    sys.path[:0] = [str(llama_cpp), str(llama_cpp / "gguf-py")]
    import gguf
    from conversion import ModelBase, ModelType, get_model_architecture, get_model_class

    hparams = ModelBase.load_hparams(folder, False)
    architecture = get_model_architecture(hparams, ModelType.TEXT)
    model_class = get_model_class(architecture)

    class WithoutVocabulary(model_class):
        model_arch = model_class.model_arch

        def set_vocab(self):
            self.gguf_writer.add_tokenizer_model("no_vocab")

    # Gemma's converter counts the tokens.
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(json.dumps(
        {"model": {"vocab": {f"t{i}": i for i in range(VOCABULARY)}}, "added_tokens": []}))
    model = WithoutVocabulary(folder, gguf.LlamaFileType.ALL_F32, folder / "model.gguf")
    model.write()
    tokenizer.unlink()


if __name__ == "__main__":
    llama_cpp = pathlib.Path(sys.argv[1]).resolve()
    for name, (family, options) in MODELS.items():
        if len(sys.argv) > 2 and name not in sys.argv[2:]:
            continue
        convert(make(name, family, options), llama_cpp)
