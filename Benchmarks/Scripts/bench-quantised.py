#!/usr/bin/env python3
"""The types of weights that quantised models are made of, redrafter and llama.cpp alternately, as bench-peer.py does it: two
models of random weights of the sizes of small real ones, quantised by llama.cpp's own llama-quantize.

  bench-quantised.py [--types Q4_K_M,Q8_0,…] [--rounds 3] [--threads 2] [--baseline BINARY] [--kernels NAME] [--json FILE]

The models are made once and take 4 GB in the cache, below peer/random; delete this folder to have them made again.
"""
import json
import os
import sys

import peer

ROWS = [1, 2, 4, 8]
# A name of files in the cache and the arguments of random-model.py. Files stay, so other arguments need another name.
LLAMA = ("llama-2048", [])
# The rows of Qwen2.5-0.5B are no multiple of 256, the block of K-quants, so that llama-quantize takes other types for them.
QWEN = ("qwen2-896", ["--architecture", "qwen2", "--hidden", "896", "--layers", "24", "--heads", "14", "--kv-heads", "2",
                      "--ffn", "4864", "--vocab", "151936", "--tied"])
# name: the model, and what llama-quantize makes of it
TYPES = {
    "Q4_K_M": (LLAMA, "Q4_K_M"), "Q5_K_M": (LLAMA, "Q5_K_M"), "Q6_K": (LLAMA, "Q6_K"), "Q8_0": (LLAMA, "Q8_0"),
    "mixed": (QWEN, "Q4_K_M"),
}


def model(name, llama_cpp):
    """The quantised file, made once."""
    (source, arguments), kind = TYPES[name]
    folder = os.path.join(peer.cache(), "peer", "random")
    os.makedirs(folder, exist_ok=True)
    target, full = (os.path.join(folder, f"{source}.{suffix}.gguf") for suffix in (kind, "F16"))
    if not os.path.exists(target):
        if not os.path.exists(full):
            print(f"== writing {os.path.basename(full)}", file=sys.stderr)
            peer.run([sys.executable, os.path.join(peer.SCRIPTS, "random-model.py"), "-o", full, *arguments])
        peer.quantize(llama_cpp, full, target, kind)
    return target


def composition(path):
    """The types of a file's matrices with their shares of its bytes."""
    types = json.loads(peer.run([peer.BINARY, "inspect", path, "--json"]))["types"]
    quantised = sorted((t for t in types if t["type"] != "f32"), key=lambda t: -t["bytes"])
    total = sum(t["bytes"] for t in quantised)
    return ", ".join(f"{t['type']} {100 * t['bytes'] / total:.0f} %" for t in quantised)


def report(arguments, engines):
    speeds, prices, files, results = [], [], [], []
    for name in arguments.types:
        path = model(name, engines[0])
        samples = peer.measure(name, path, engines, arguments.rounds)
        speeds += [[name, *line] for line in peer.speed_lines(samples, ROWS)]
        prices += [[name, *line] for line in peer.price_lines(samples, ROWS)]
        files.append([name, os.path.basename(path), composition(path), f"{engines[-1].info['model_size'] / 1e6:.0f}",
                      peer.share_of_read(samples)])
        results.append(peer.result(name, path, samples, engines))
        peer.write_json(arguments.json, results)
    print("\n\n".join([
        peer.conditions(engines, arguments.rounds),
        peer.table(["weights", "file", "types, by bytes", "MB a token", "decoding, % of a plain read"], files, labels=3),
        peer.table(["weights", *peer.speed_columns(samples)], speeds, labels=2),
        peer.table(["weights", *peer.price_columns(samples)], prices, labels=2)]))


def main():
    parser = peer.pass_parser(__doc__, rounds=3)
    parser.add_argument("--types", default=",".join(TYPES), help=f"from {', '.join(TYPES)}, separated by commas (all)")
    arguments = parser.parse_args()
    arguments.types = arguments.types.split(",")
    for name in arguments.types:
        if name not in TYPES:
            parser.error(f"--types has '{name}'; choose from: {', '.join(TYPES)}")
    report(arguments, peer.engines(arguments, ROWS))


if __name__ == "__main__":
    main()
