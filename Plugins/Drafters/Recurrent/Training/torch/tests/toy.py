"""A tiny random model of the llama or qwen2 architecture as a folder, and prompts for it."""
import glob
import json
import os
import struct

import numpy as np
from safetensors.numpy import save_file

HIDDEN, FEED_FORWARD, HEADS, KEY_VALUE_HEADS, LAYERS, CONTEXT = 64, 128, 4, 2, 2, 256
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|unused|>"]
TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' "
    "+ '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")


def write_model(folder, layers=LAYERS, tied=True, seed=1, kind="llama", scale=1.0, context=CONTEXT):
    """:param scale: what the first layer's feed-forward part is multiplied by."""
    os.makedirs(folder)
    vocabulary = _tokens()
    random = np.random.default_rng(seed)
    tensors = {}

    def add(name, *shape):
        low, high = (0.5, 1.5) if len(shape) == 1 else (-0.25, 0.25)
        tensors[name + ".weight"] = random.uniform(low, high, shape).astype(np.float32)
        if kind == "qwen2" and name[-6:] in ("q_proj", "k_proj", "v_proj"):
            tensors[name + ".bias"] = random.uniform(-0.25, 0.25, shape[0]).astype(np.float32)

    keys = KEY_VALUE_HEADS * HIDDEN // HEADS
    add("model.embed_tokens", len(vocabulary), HIDDEN)
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        add(prefix + "input_layernorm", HIDDEN)
        add(prefix + "self_attn.q_proj", HIDDEN, HIDDEN)
        add(prefix + "self_attn.k_proj", keys, HIDDEN)
        add(prefix + "self_attn.v_proj", keys, HIDDEN)
        add(prefix + "self_attn.o_proj", HIDDEN, HIDDEN)
        add(prefix + "post_attention_layernorm", HIDDEN)
        add(prefix + "mlp.gate_proj", FEED_FORWARD, HIDDEN)
        add(prefix + "mlp.up_proj", FEED_FORWARD, HIDDEN)
        add(prefix + "mlp.down_proj", HIDDEN, FEED_FORWARD)
    tensors["model.layers.0.mlp.down_proj.weight"] *= np.float32(scale)
    add("model.norm", HIDDEN)
    if not tied:
        add("lm_head", len(vocabulary), HIDDEN)
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    _write(folder, "config.json", {
        "architectures": [f"{kind.capitalize()}ForCausalLM"], "model_type": kind, "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "intermediate_size": FEED_FORWARD, "num_hidden_layers": layers, "num_attention_heads": HEADS,
        "num_key_value_heads": KEY_VALUE_HEADS, "head_dim": HIDDEN // HEADS, "vocab_size": len(vocabulary),
        "max_position_embeddings": context, "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "rope_scaling": None,
        "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": tied, "torch_dtype": "float32",
        "bos_token_id": len(vocabulary) - 3, "eos_token_id": len(vocabulary) - 2,
    })
    _write(folder, "tokenizer_config.json", {"chat_template": TEMPLATE, "eos_token": "<|im_end|>"})
    _write(folder, "tokenizer.json", _tokenizer(vocabulary))


def write_prompts(path, count):
    random = np.random.default_rng(7)
    with open(path, "w", encoding="utf-8") as file:
        for index in range(count):
            letters = "".join(chr(97 + letter) for letter in random.integers(0, 26, random.integers(3, 12)))
            file.write(json.dumps({"prompt": f"{index} {letters}"}) + "\n")


def repeat_ends(data):
    """Lets every other answer of some data end in a loop of one to nine tokens that begins in its first half."""
    for shard in _shards(data):
        tokens, counts = _values(shard, "tokens"), _values(shard, "answers")[:, 2]
        for index, end in enumerate(np.cumsum(counts)):
            if index % 2 == 0:
                loop = counts[index] * 2 // 3
                tokens[end - loop:end] = np.resize(tokens[end - loop:end][:1 + index // 2 % 9], loop)
        tokens.flush()
    _forget_digests(data)


def hold_out(data):
    """Lets every other answer of some data be held out."""
    for shard in _shards(data):
        answers = _values(shard, "answers")
        answers[::2, 0] *= 50
        answers.flush()
    _forget_digests(data)


def _shards(data):
    return sorted(glob.glob(os.path.join(data, "*.safetensors")))


def _values(shard, name):
    """A tensor of int32 in a file, to be changed there."""
    with open(shard, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        entry = json.loads(file.read(length))[name]
    return np.memmap(shard, "<i4", "r+", 8 + length + entry["data_offsets"][0], tuple(entry["shape"]))


def _forget_digests(data):
    path = os.path.join(data, "manifest.json")
    with open(path, encoding="utf-8") as file:
        manifest = json.load(file)
    for shard in manifest["shards"]:
        shard.pop("sha256", None)
    _write(data, "manifest.json", manifest)


def _tokens():
    """A token for every byte in GPT-2's letters, three merges, four special tokens."""
    letters, following = [], 0x100
    for byte in range(256):
        is_printable = 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174
        letters.append(chr(byte if is_printable else following))
        following += not is_printable
    return letters + ["he", "ll", "hell"] + SPECIAL


def _tokenizer(vocabulary):
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [
            {"id": vocabulary.index(token), "content": token, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True} for token in SPECIAL
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None, "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
            "vocab": {token: index for index, token in enumerate(vocabulary)}, "merges": ["h e", "l l", "he ll"],
        },
    }


def _write(folder, name, content):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False)
