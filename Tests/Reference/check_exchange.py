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
import sys
import tempfile

import torch
from safetensors.torch import save_file

from exchange_checks import FILES, check_medusa, check_recurrent
from exchange_modules import Recurrent, VLLMMedusa, medusa_heads


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
