#!/usr/bin/env python3
"""What the parts of a context block are worth to a recurrent drafter: trains variants from random weights on the same answers in the
same batches, without votes of the text, decodes MT-Bench with them, and prints the table of the model card.

    ablate-context.py DATA DIRECTORY [--tokens 200000] [--redrafter .build/release/redrafter]

DATA is what `redrafter distill generate` made; each variant sees each of its answers once. A variant that is already in DIRECTORY is
not trained again. Variants run at the same time, one thread each, after the first one has stored the taps (3.5 kB for each token).
"""
import os
import re
from concurrent.futures import ThreadPoolExecutor

import trials

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
    return trials.train(
        arguments, os.path.join(arguments.directory, f"{arguments.tokens}-{list(VARIANTS).index(name)}"),
        "--tap-folder", os.path.join(arguments.directory, "taps"), "--text-positions", "320", "--batch-size", "1280",
        "--step-share", "0.25", "--learning-rate", "1e-3", "--context-rate", "0.5", "--warmup", "40", "--weight-decay", "0.05",
        "--copy-lengths", "0", "--steps-per-eval", "100000", "--save-every", "100000", *VARIANTS[name], threads=threads)


def measured(arguments, folder):
    """Held-out loss, the shares of right guesses and tokens a step, then tokens a step on MT-Bench with 8 rows."""
    held_out = re.findall(r"held-out loss ([\d.]+), top-1 ([\d. ]+), ([\d.]+) tokens per step", open(folder + ".log").read())[-1]
    rnn = trials.compared(
        arguments, trials.quantised(arguments, folder, "q8_0"), "rnn", "--tree", "most-probable", "--max-rows", "8",
        "--limit", "40", "-n", "96", "-r", "1", "-t", "1")
    return [*held_out, f"{rnn['mean_acceptance_length']:.3f}"]


def main():
    arguments = trials.parser(__doc__, tokens=200_000).parse_args()
    os.makedirs(arguments.directory, exist_ok=True)
    train(arguments, "three normed taps", threads=os.cpu_count())
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        figures = list(pool.map(lambda name: measured(arguments, train(arguments, name)), VARIANTS))
    print("| what the drafter sees | held-out loss | top-1 by position | tokens/step | MT-Bench, 8 rows |\n|---|---:|---|---:|---:|")
    for row in zip(VARIANTS, figures):
        print(f"| {row[0]} | " + " | ".join(row[1]) + " |")


main()
