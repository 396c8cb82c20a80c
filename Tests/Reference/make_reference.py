#!/usr/bin/env python3
"""The float32 reference: Hugging Face transformers on the same GGUF file.

  make_reference.py MODEL.gguf LOGITS.f32 [--texts FILE.jsonl …]

Writes raw float32 logits [positions, vocabulary] of the token ids in tokens.json to LOGITS.f32 (393 MB, not kept in the
repository) and greedy continuations with the gap between the two largest logits to continuations.json. tokens.json is made
from --texts where it does not exist. Needs torch, transformers, accelerate, gguf, tokenizers, numpy.
"""
import argparse
import json
import os

import numpy as np
import torch
from gguf import GGUFReader
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
SEQUENCES, LENGTH, PROMPTS, CONTINUATION = 4, 500, 20, 64
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


def make_tokenizer(path):
    """The file's vocabulary with the pre-tokenizer that `tokenizer.ggml.pre = smollm` means; the conversion of transformers
    loses the split of digits."""
    fields = GGUFReader(path).fields

    def strings(name):
        field = fields[name]
        return [bytes(field.parts[i]).decode() for i in field.data]

    tokens, merges = strings("tokenizer.ggml.tokens"), strings("tokenizer.ggml.merges")
    kinds = [int(fields["tokenizer.ggml.token_type"].parts[i][0]) for i in fields["tokenizer.ggml.token_type"].data]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, [tuple(m.split(" ")) for m in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t, k in zip(tokens, kinds) if k == 3])
    return tokenizer


def make_tokens(tokenizer, files):
    texts, prompts = [], []
    for file in files:
        for line in open(file):
            row = json.loads(line)
            text = row.get("prompt") or row.get("text") or "\n\n".join(row["turns"])
            texts.append(text)
            if "turns" in row and len(prompts) < PROMPTS and row["question_id"] % 4 == 1:
                prompts.append(row["turns"][0])
    step = max(1, len(texts) // 120)
    ids = tokenizer.encode("\n\n".join(texts[::step]), add_special_tokens=False).ids
    assert len(ids) >= SEQUENCES * LENGTH, len(ids)
    stride = len(ids) // SEQUENCES
    rendered = [
        f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{p}<|im_end|>\n<|im_start|>assistant\n" for p in prompts]
    return {
        "source": "MT-Bench questions (Apache-2.0) and HumanEval prompts (MIT), tokenised with the default model's vocabulary",
        "sequences": [ids[i * stride:i * stride + LENGTH] for i in range(SEQUENCES)],
        "prompts": [tokenizer.encode(p, add_special_tokens=False).ids for p in rendered],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("logits")
    parser.add_argument("--texts", nargs="*", default=[])
    arguments = parser.parse_args()
    tokens_path = os.path.join(HERE, "tokens.json")
    if not os.path.exists(tokens_path):
        with open(tokens_path, "w") as file:
            json.dump(make_tokens(make_tokenizer(arguments.model), arguments.texts), file)
    tokens = json.load(open(tokens_path))
    folder, name = os.path.split(os.path.abspath(arguments.model))
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
    with torch.no_grad():
        with open(arguments.logits, "wb") as file:
            for sequence in tokens["sequences"]:
                logits = model(torch.tensor([sequence])).logits[0].float()
                file.write(logits.numpy().astype("<f4").tobytes())
        continuations = []
        for prompt in tokens["prompts"]:
            ids, gaps = [], []
            output = model(torch.tensor([prompt]), use_cache=True)
            for _ in range(CONTINUATION):
                top = torch.topk(output.logits[0, -1].float(), 2)
                ids.append(int(top.indices[0]))
                gaps.append(round(float(top.values[0] - top.values[1]), 4))
                output = model(torch.tensor([[ids[-1]]]), past_key_values=output.past_key_values, use_cache=True)
            continuations.append({"prompt": prompt, "tokens": ids, "gaps": gaps})
    with open(os.path.join(HERE, "continuations.json"), "w") as file:
        json.dump({"model": "float32, Hugging Face transformers", "continuations": continuations}, file)


if __name__ == "__main__":
    main()
