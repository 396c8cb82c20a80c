"""Measures how fast `redrafter tokenize` turns a mebibyte of English and of code into ids.

  bench-tokenizers.py [--rounds 9] MODEL...

English is Python's own documentation, code its standard library: the same text on every machine with that Python. Each model is a
GGUF file (a vocabulary alone is enough) or a folder with tokenizer.json. The time is the processor time of the text alone, the least
of all rounds.
"""

import argparse
import glob
import os
import pydoc_data.topics
import re
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


def seconds(command, model, path, rounds):
    """The least of all rounds, in processor time of the text alone."""
    run = subprocess.run(
        [command, "tokenize", "-m", model, "-f", path, "--no-special", "--measure", str(rounds)],
        check=True, capture_output=True, text=True)
    return min(float(line) for line in run.stdout.split())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--command", default=".build/release/redrafter")
    arguments = parser.parse_args()
    print("| tokenizer | English, MB/s | code, MB/s |\n|---|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, text in [("english", english()), ("code", code())]:
            paths.append(os.path.join(folder, name))
            with open(paths[-1], "wb") as file:
                file.write(text)
        for model in arguments.models:
            speeds = [
                os.path.getsize(path) / 1e6 / seconds(arguments.command, model, path, arguments.rounds) for path in paths]
            name = os.path.basename(model.rstrip("/"))
            print(f"| {name} | {speeds[0]:.1f} | {speeds[1]:.1f} |", flush=True)


main()
