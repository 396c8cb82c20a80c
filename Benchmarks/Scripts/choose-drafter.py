#!/usr/bin/env python3
"""Which shape of a recurrent drafter gives the most tokens per millisecond: trains each shape briefly on the same answers,
decodes MT-Bench prompts with it and with plain decoding, and prints the tables of the model card.

    choose-drafter.py DATA DIRECTORY [--redrafter .build/release/redrafter]
    choose-drafter.py DATA DIRECTORY --drafter smollm2-135m-rnn.gguf

DATA is what `redrafter distill generate` made. Trainings run at the same time, one thread each; a drafter that is already in
DIRECTORY is not trained again. Measurements run one at a time with all threads. With --drafter nothing is trained: the tables are those of
the quantisation and the search of that drafter. REDRAFTER_KERNELS chooses the kernels.
"""
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import trials

SHAPES = {
    "exit 576, 2 blocks, 8,192 tokens": [],
    "1 block": ["--layers", "1"],
    "4 blocks": ["--layers", "4"],
    "exit 384": ["--exit-dim", "384"],
    "4,096 tokens": ["--draft-vocab", "4096"],
    "16,384 tokens": ["--draft-vocab", "16384"],
}
SEARCHES = {
    "beam 4, length 8": [],
    "beam 1": ["--beam-width", "1"],
    "beam 2": ["--beam-width", "2"],
    "beam 8": ["--beam-width", "8"],
    "length 3": ["--beam-length", "3"],
    "length 5": ["--beam-length", "5"],
}
HEAD = ("| {} | size, MB | held-out tokens/step, 8 rows | tokens/step | draft ms | tokens/ms ÷ plain |\n"
        "|---|---:|---:|---:|---:|---:|")


def train(arguments, index, options):
    return trials.train(
        arguments, os.path.join(arguments.directory, f"shape-{index}"), "--iters", str(arguments.iters), "--warmup", "50",
        "--steps-per-eval", str(arguments.iters), "--save-every", str(arguments.iters), *options)


def held_out(folder):
    if not os.path.exists(folder + ".log"):
        return "–"
    return re.findall(r"([\d.]+) tokens per step", open(folder + ".log").read())[-1]


def row(arguments, name, folder, path, options=()):
    rnn = trials.compared(
        arguments, path, "rnn,none", "--limit", str(arguments.prompts), "-n", "192", "-r", "2", *options)
    print(f"| {name} | {os.path.getsize(path) / 1e6:.1f} | {held_out(folder)} | {rnn['mean_acceptance_length']:.2f} "
          f"| {rnn['ms_per_step']['draft']:.2f} | {rnn['speedup']:.2f} |", flush=True)


def compare_shapes(arguments):
    """Prints the table of the shapes; the folder of the first."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        folders = list(pool.map(lambda item: train(arguments, *item), enumerate(SHAPES.values())))
    print(HEAD.format("shape, Q4_0"))
    for name, folder in zip(SHAPES, folders):
        row(arguments, name, folder, trials.quantised(arguments, folder, "q4_0"))
    return folders[0]


def main():
    parser = trials.parser(__doc__, tokens=1_000_000)
    parser.add_argument("--iters", type=int, default=400)
    parser.add_argument("--prompts", type=int, default=20)
    parser.add_argument("--drafter")
    arguments = parser.parse_args()
    os.makedirs(arguments.directory, exist_ok=True)
    if arguments.drafter:
        first = os.path.join(arguments.directory, "given")
        os.makedirs(first, exist_ok=True)
        shutil.copyfile(arguments.drafter, os.path.join(first, "drafter.gguf"))
    else:
        first = compare_shapes(arguments)
    print("\n" + HEAD.format("quantisation of the first"))
    for kind in ("q4_0", "q8_0", "f16"):
        row(arguments, kind.upper(), first, trials.quantised(arguments, first, kind))
    print("\n" + HEAD.format("search with the first"))
    for name, options in SEARCHES.items():
        row(arguments, name, first, trials.quantised(arguments, first, "q4_0"), options)


main()
