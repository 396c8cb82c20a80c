#!/usr/bin/env python3
"""Drafters compared with llama.cpp's plain decoding. In each round llama-bench decodes the same number of tokens, then
`redrafter compare` runs the drafters on the next prompts of the file, with the same model file and threads. Prints tokens/s,
and the ratio to llama.cpp in the same round.

  compare-peer.py [--rounds 5] [--prompts FILE] [--prompts-per-round 16] [-n 256] [--drafters rnn,rnn+lookup,none] [--threads 2]
"""
import json
import os
import statistics
import tempfile

import peer


def main():
    parser = peer.parser(__doc__)
    parser.add_argument("--prompts", default=os.path.join(peer.ROOT, "Tests", "Prompts", "mt_bench.jsonl"))
    parser.add_argument("--prompts-per-round", type=peer.positive, default=16)
    parser.add_argument("-n", type=peer.positive, default=256)
    parser.add_argument("--drafters", default="rnn,rnn+lookup,none")
    parser.add_argument("--model", default=peer.default_model())
    arguments = parser.parse_args()
    peer.require_model(arguments.model)
    peer.require(peer.BINARY, "run make build")
    llama_cpp = peer.LlamaCpp(arguments.threads, [], peer.chosen_kernels())
    with open(arguments.prompts) as file:
        lines = [line for line in file if line.strip()]
    speeds = {"llama.cpp": []}
    for number in range(arguments.rounds):
        samples = llama_cpp.bench(arguments.model, 0, arguments.n, 3)[0]["samples_ns"]
        speeds["llama.cpp"].append(statistics.median(arguments.n * 1e9 / ns for ns in samples))
        first = number * arguments.prompts_per_round
        chosen = [lines[(first + i) % len(lines)] for i in range(arguments.prompts_per_round)]
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as part:
            part.writelines(chosen)
            part.flush()
            out = peer.run([peer.BINARY, "compare", "-m", arguments.model, "-t", str(arguments.threads),
                            "--drafters", arguments.drafters, "--prompts", part.name, "-n", str(arguments.n), "-r", "1",
                            "-o", "json"])
        for entry in json.loads(out)["drafters"]:
            assert entry["identical"], entry["drafter"]
            speeds.setdefault(entry["drafter"], []).append(entry["tokens_per_second"]["median"])
    print(f"{os.path.basename(arguments.model)}, {arguments.threads} threads, llama.cpp built for {llama_cpp.built_for}, "
          f"{arguments.rounds} rounds of {arguments.prompts_per_round} prompts × {arguments.n} tokens; median (min–max)\n")
    rows = []
    for name, values in speeds.items():
        ratios = [own / theirs for own, theirs in zip(values, speeds["llama.cpp"])]
        rows.append([name, peer.spread(values, 1), f"{peer.spread(ratios, 2)} ×"])
    print(peer.table(["", "tokens/s", "÷ llama.cpp, round by round"], rows))


if __name__ == "__main__":
    main()
