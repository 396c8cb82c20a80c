#!/usr/bin/env python3
"""What the parts of a context block are worth to a recurrent drafter: trains variants from random weights on the same answers in the
same batches, without votes of the text, decodes MT-Bench with them, and prints the table of the model card.

    ablate-context.py DATA DIRECTORY [--tokens 200000] [--redrafter .build/release/redrafter]

DATA is what `redrafter distill generate` made; each variant sees each of its answers once. A variant that is already in DIRECTORY is
not trained again. Variants run at the same time, one thread each, after the first one has stored the taps (2 KB for each token).
"""
import argparse
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

PROMPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Tests/Prompts/mt_bench.jsonl")
TAPS = ["--taps", "9,19,29"]
# A block that adds to the hidden state starts as nothing; at this rate it stays so, and the batches are those of the others.
PLAIN = [*TAPS, "--context-adds", "--context-rate", "1e-9"]
VARIANTS = {
    "recurrence alone": PLAIN,
    "three taps": [*TAPS, "--no-tap-norm", "--no-context-layer"],
    "three normed taps": [*TAPS, "--no-context-layer"],
    "last layer alone, decoder layer": ["--taps", "29"],
    "three normed taps, decoder layer": TAPS,
}


def train(arguments, name, threads=1):
    path = os.path.join(arguments.directory, f"{arguments.tokens}-{list(VARIANTS).index(name)}")
    if not os.path.exists(os.path.join(path, "drafter.gguf")):
        print(f"training {path}: {name}", flush=True)
        subprocess.run(
            [arguments.redrafter, "train", "rnn", "--data", arguments.data, "-o", path, "--tokens", str(arguments.tokens),
             "--tap-folder", os.path.join(arguments.directory, "taps"), "--text-positions", "320", "--batch-size", "1280",
             "--step-share", "0.25", "--learning-rate", "1e-3", "--context-rate", "0.5", "--warmup", "40",
             "--weight-decay", "0.05", "--copy-lengths", "0", "--steps-per-eval", "100000", "--save-every", "100000",
             "-t", str(threads), *VARIANTS[name]],
            check=True, stdout=open(path + ".log", "w"), stderr=subprocess.STDOUT)
    return path


def measured(arguments, path):
    """Held-out loss, the shares of right guesses and tokens a step, then tokens a step on MT-Bench with 8 rows."""
    held_out = re.findall(r"held-out loss ([\d.]+), top-1 ([\d. ]+), ([\d.]+) tokens per step", open(path + ".log").read())[-1]
    subprocess.run([arguments.redrafter, "convert", os.path.join(path, "drafter.gguf"), path + ".gguf", "--type", "q8_0"],
                   check=True, capture_output=True)
    output = subprocess.run(
        [arguments.redrafter, "compare", "--drafters", "rnn", "--drafter-model", path + ".gguf", "--tree", "most-probable",
         "--max-rows", "8", "--prompts", PROMPTS, "--limit", "40", "-n", "96", "-r", "1", "-t", "1", "-o", "json"],
        check=True, capture_output=True, text=True).stdout
    return [*held_out, f"{json.loads(output)['drafters'][0]['mean_acceptance_length']:.3f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("directory")
    parser.add_argument("--redrafter", default=".build/release/redrafter")
    parser.add_argument("--tokens", type=int, default=200_000)
    arguments = parser.parse_args()
    os.makedirs(arguments.directory, exist_ok=True)
    train(arguments, "three normed taps", threads=os.cpu_count())
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        figures = list(pool.map(lambda name: measured(arguments, train(arguments, name)), VARIANTS))
    print("| what the drafter sees | held-out loss | top-1 by position | tokens/step | MT-Bench, 8 rows |\n|---|---:|---|---:|---:|")
    for row in zip(VARIANTS, figures):
        print(f"| {row[0]} | " + " | ".join(row[1]) + " |")


main()
