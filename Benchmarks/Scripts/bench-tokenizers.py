"""Measures how fast `redrafter tokenize` turns a mebibyte of English and of code into ids.

  bench-tokenizers.py [--rounds 5] MODEL...

English is Python's own documentation, code its standard library: the same text on every machine with that Python. Each model is a
GGUF file (a vocabulary alone is enough) or a folder with tokenizer.json. The time is that of the text alone: the processor time of a
run with it less that of a run with an empty one, the least of all rounds each.
"""

import argparse
import glob
import os
import pydoc_data.topics
import re
import resource
import subprocess
import tempfile

SIZE = 1 << 20


def english():
    text = "\n\n".join(pydoc_data.topics.topics.values()).encode()
    for path in sorted(glob.glob(os.path.join(os.path.dirname(os.__file__), "**", "*.py"), recursive=True)):
        if len(text) >= SIZE:
            break
        with open(path, "rb") as file:
            text += b"\n\n".join(part for part in re.findall(rb'"""(.*?)"""', file.read(), re.S) if len(part) > 400)
    return text[:SIZE]


def code():
    text = b""
    for path in sorted(glob.glob(os.path.join(os.path.dirname(os.__file__), "*.py"))):
        with open(path, "rb") as file:
            text += file.read()
    return text[:SIZE]


def seconds(command, model, path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([command, "tokenize", "-m", model, "-f", path, "--no-special"], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--command", default=".build/release/redrafter")
    arguments = parser.parse_args()
    print("| tokenizer | English, MB/s | code, MB/s |\n|---|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, text in [("empty", b""), ("english", english()), ("code", code())]:
            paths.append(os.path.join(folder, name))
            with open(paths[-1], "wb") as file:
                file.write(text)
        for model in arguments.models:
            best = [min(seconds(arguments.command, model, path) for _ in range(arguments.rounds)) for path in paths]
            speeds = [os.path.getsize(path) / 1e6 / max(1e-9, time - best[0]) for path, time in zip(paths[1:], best[1:])]
            name = os.path.basename(model.rstrip("/"))
            print(f"| {name} | {speeds[0]:.1f} | {speeds[1]:.1f} |", flush=True)


main()
