#!/usr/bin/env python3
"""How far an engine's distributions are from the float32 reference.

  compare_logits.py REFERENCE.f32 NAME=ENGINE.f32 [NAME=ENGINE.f32 …] [--vocabulary 49152] [--output results]

Files hold raw float32 logits [positions, vocabulary]. Prints a table and writes results/NAME.json. Needs numpy.
"""
import argparse
import json
import os

import numpy as np


def log_softmax(x):
    x = x.astype(np.float64)
    x -= x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference")
    parser.add_argument("engines", nargs="+")
    parser.add_argument("--vocabulary", type=int, default=49152)
    parser.add_argument("--output", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "results"))
    arguments = parser.parse_args()
    reference = np.memmap(arguments.reference, dtype="<f4", mode="r").reshape(-1, arguments.vocabulary)
    print("| engine | positions | mean KL | 99th percentile | same top token |\n|---|---:|---:|---:|---:|")
    for engine in arguments.engines:
        name, path = engine.split("=", 1)
        logits = np.memmap(path, dtype="<f4", mode="r").reshape(-1, arguments.vocabulary)
        assert logits.shape == reference.shape, (logits.shape, reference.shape)
        divergence, same = [], []
        for at in range(0, len(reference), 100):
            p, q = log_softmax(reference[at:at + 100]), log_softmax(logits[at:at + 100])
            divergence.append((np.exp(p) * (p - q)).sum(axis=-1))
            same.append(p.argmax(axis=-1) == q.argmax(axis=-1))
        divergence, same = np.concatenate(divergence), np.concatenate(same)
        result = {
            "engine": name, "positions": len(divergence), "mean_kl": float(divergence.mean()),
            "p99_kl": float(np.percentile(divergence, 99)), "max_kl": float(divergence.max()),
            "same_top": float(same.mean()),
        }
        print(f"| {name} | {result['positions']} | {result['mean_kl']:.2e} | {result['p99_kl']:.2e} | {100 * result['same_top']:.1f} % |")
        with open(os.path.join(arguments.output, f"{name}.json"), "w") as file:
            json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()
