#!/usr/bin/env python3
"""Drafters compared with llama.cpp's plain decoding. In each round llama-bench decodes the same number of tokens, then
`redrafter compare` runs the drafters on the next prompts of the file, with the same model file and threads. Prints tokens/s, and the
ratio to llama.cpp in the same round.

  compare-peer.py [--rounds 5] [--prompts FILE] [--prompts-per-round 16] [-n 256] [--drafters rnn,rnn+lookup,none] [--threads 2]
"""
import argparse
import json
import os
import statistics
import tempfile
import types

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def load_peer():
    """bench-peer.py has no name that Python could import."""
    module = types.ModuleType("bench_peer")
    with open(os.path.join(HERE, "bench-peer.py")) as file:
        exec(compile(file.read(), "bench-peer.py", "exec"), module.__dict__)
    return module


def main():
    peer = load_peer()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=min(os.cpu_count() or 1, 2))
    parser.add_argument("--prompts", default=os.path.join(ROOT, "Tests", "Prompts", "mt_bench.jsonl"))
    parser.add_argument("--prompts-per-round", type=int, default=16)
    parser.add_argument("-n", type=int, default=256)
    parser.add_argument("--drafters", default="rnn,rnn+lookup,none")
    parser.add_argument("--model", default=os.path.join(peer.cache(), "SmolLM2-135M-Instruct.Q4_1.gguf"))
    arguments = parser.parse_args()
    binary = os.path.join(ROOT, ".build", "release", "redrafter")
    bench = os.path.join(peer.cache(), "peer", f"llama-cpp-python-{peer.VERSION}", "build", "bin", "llama-bench")
    with open(arguments.prompts) as file:
        lines = [line for line in file if line.strip()]
    speeds = {"llama.cpp": []}
    for number in range(arguments.rounds):
        out = peer.run([bench, "-m", arguments.model, "-t", str(arguments.threads), "-p", "0", "-n", str(arguments.n), "-r", "3", "-o", "json"])
        entry = json.loads(out)[0]
        speeds["llama.cpp"].append(statistics.median(arguments.n * 1e9 / ns for ns in entry["samples_ns"]))
        first = number * arguments.prompts_per_round
        chosen = [lines[(first + i) % len(lines)] for i in range(arguments.prompts_per_round)]
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as part:
            part.writelines(chosen)
            part.flush()
            out = peer.run([binary, "compare", "-m", arguments.model, "-t", str(arguments.threads), "--drafters", arguments.drafters,
                            "--prompts", part.name, "-n", str(arguments.n), "-r", "1", "-o", "json"])
        for entry in json.loads(out)["drafters"]:
            assert entry["identical"], entry["drafter"]
            speeds.setdefault(entry["drafter"], []).append(entry["tokens_per_second"]["median"])
    print(f"{os.path.basename(arguments.model)}, {arguments.threads} threads, {arguments.rounds} rounds of "
          f"{arguments.prompts_per_round} prompts × {arguments.n} tokens; median (min–max)\n")
    print("| | tokens/s | ÷ llama.cpp, round by round |\n|---|---:|---:|")
    for name, values in speeds.items():
        ratios = [own / theirs for own, theirs in zip(values, speeds["llama.cpp"])]
        print(f"| {name} | {peer.spread(values, 1)} | {peer.spread(ratios, 2)} × |")


if __name__ == "__main__":
    main()
