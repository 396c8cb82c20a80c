"""Compares `redrafter tokenize` with the ids in llama.cpp's models/ggml-vocab-*.gguf.out.

  peer_tokenizers.py COMMAND MODELS

Each text of NAME.gguf.inp has its ids in one line of NAME.gguf.out. WordPiece and Unigram are not supported: such a file passes
when it is refused by that name.
"""

import glob
import os
import subprocess
import sys
import tempfile

REFUSED = {"bert-bge": "WordPiece", "nomic-bert-moe": "Unigram"}


def ids_of(command, model, path):
    run = subprocess.run([command, "tokenize", "-m", model, "-f", path, "--no-special"], capture_output=True, text=True)
    return run.returncode, run.stdout.split(), run.stderr.strip()


def check(command, model, folder):
    """The cells of a line, and whether all is right."""
    name = os.path.basename(model)[len("ggml-vocab-"):-len(".gguf")]
    path = os.path.join(folder, "text")
    if name in REFUSED:
        open(path, "w").close()
        code, _, said = ids_of(command, model, path)
        is_named = code == 65 and REFUSED[name] in said
        return (name, "refused: " + REFUSED[name] if is_named else said, ""), is_named
    if not os.path.exists(model + ".inp"):
        with open(path, "w", encoding="utf-8") as file:
            file.write("Hello  world, 12345!\n")
        code, ids, said = ids_of(command, model, path)
        is_loaded = code == 0 and len(ids) > 0
        return (name, "loads" if is_loaded else said, "no texts"), is_loaded
    with open(model + ".inp", "rb") as file:
        texts = file.read().split(b"\n__ggml_vocab_test__\n")
    if texts[-1] == b"":
        texts.pop()
    with open(model + ".out", encoding="utf-8") as file:
        expected = [line.split() for line in file.read().split("\n")[:len(texts)]]
    right = 0
    for text, ids in zip(texts, expected):
        with open(path, "wb") as file:
            file.write(text)
        code, got, said = ids_of(command, model, path)
        if code == 0 and got == ids:
            right += 1
        else:
            print(f"{name}: {text!r}\n  expected {' '.join(ids)}\n  got      {' '.join(got)} {said}", file=sys.stderr)
    return (name, f"{right} of {len(texts)}", ""), right == len(texts) == len(expected)


def main():
    command, models = sys.argv[1:3]
    vocabularies = sorted(glob.glob(os.path.join(models, "ggml-vocab-*.gguf")))
    if not vocabularies:
        sys.exit(f"error: {models} holds no ggml-vocab-*.gguf")
    print("| vocabulary | texts with the same ids | |\n|---|---|---|")
    is_right = True
    with tempfile.TemporaryDirectory() as folder:
        for model in vocabularies:
            cells, passes = check(command, model, folder)
            is_right = is_right and passes
            print("| " + " | ".join(cells) + " |", flush=True)
    sys.exit(0 if is_right else 1)


main()
