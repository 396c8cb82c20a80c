"""Short trainings of recurrent drafters, and what they are worth on MT-Bench: what the scripts that compare drafters share."""
import argparse
import json
import os
import subprocess

PROMPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Tests/Prompts/mt_bench.jsonl")


def train(arguments, folder, *options, threads=1):
    """Trains into a folder, unless a drafter is there already; the folder's name with .log has what was said."""
    if not os.path.exists(os.path.join(folder, "drafter.gguf")):
        with open(folder + ".log", "w") as log:
            subprocess.run(
                [arguments.redrafter, "train", "rnn", "--data", arguments.data, "-o", folder, "--tokens", str(arguments.tokens),
                 "-t", str(threads), *options],
                check=True, stdout=log, stderr=subprocess.STDOUT)
    return folder


def quantised(arguments, folder, kind):
    """The path of the folder's drafter with weights of a kind."""
    path = f"{folder}-{kind}.gguf"
    subprocess.run([arguments.redrafter, "convert", os.path.join(folder, "drafter.gguf"), path, "--type", kind],
                   check=True, capture_output=True)
    return path


def compared(arguments, path, drafters, *options):
    """What `redrafter compare` finds of a file's drafter, `rnn` among these drafters, on MT-Bench."""
    output = subprocess.run(
        [arguments.redrafter, "compare", "--drafters", drafters, "--drafter-model", path, "--prompts", PROMPTS, "-o", "json", *options],
        check=True, capture_output=True, text=True).stdout
    return next(drafter for drafter in json.loads(output)["drafters"] if drafter["drafter"] == "rnn")


def parser(description, tokens):
    """The arguments that such a script has at least."""
    result = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("data")
    result.add_argument("directory")
    result.add_argument("--redrafter", default=".build/release/redrafter")
    result.add_argument("--tokens", type=int, default=tokens)
    return result
