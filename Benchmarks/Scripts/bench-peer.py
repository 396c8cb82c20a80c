#!/usr/bin/env python3
"""Runs llama.cpp and redrafter alternately (A B A B …) on the same file with the same threads and prints, for each test,
both figures and the ratio of each pair. The speed of a machine drifts; the ratio of two runs next to each other hardly does.

  bench-peer.py [--rounds 5] [--threads 2] [--model FILE] [--json FILE] [--skip-q4-0]
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

VERSION = "0.3.36"
ROWS = [1, 2, 4, 8, 12, 16]


def cache():
    if os.environ.get("REDRAFTER_CACHE"):
        return os.environ["REDRAFTER_CACHE"]
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "redrafter")


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(command)} failed ({done.returncode}): {done.stderr.strip()[-500:]}")
    return done.stdout


def test_name(entry):
    if entry.get("test"):
        return entry["test"]
    return f"pp{entry['n_prompt']}" if entry["n_prompt"] else f"tg{entry['n_gen']}"


def tokens(name):
    return int(name.lstrip("ptgrows")) if name != "read" else 1


def peer_round(peer, model, threads):
    """Milliseconds of every test, one sample each, after the tool's own warm-up."""
    out = run([f"{peer}/build/bin/llama-bench", "-m", model, "-t", str(threads), "-p", "512", "-n", "128", "-r", "1", "-o", "json"])
    result = {test_name(entry): entry["samples_ns"][0] / 1e6 for entry in json.loads(out)}
    out = run([f"{peer}/rows_bench", model, str(threads), "1"] + [str(n) for n in ROWS])
    for line in out.splitlines():
        entry = json.loads(line)
        result[entry["test"]] = entry["samples_ns"][0] / 1e6
    return result


def own_round(binary, model, threads):
    out = run([binary, "bench", "-m", model, "-t", str(threads), "-p", "512", "-n", "128", "-r", "1", "--read", "--rows",
               ",".join(map(str, ROWS)), "-o", "json"])
    entries = json.loads(out)
    return {test_name(e): e["samples_ns"][0] / 1e6 for e in entries}, entries[0]


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def compare(title, model, peer, binary, threads, rounds):
    theirs, ours, info = [], [], {}
    for number in range(rounds):
        print(f"== {title}: round {number + 1} of {rounds}", file=sys.stderr)
        theirs.append(peer_round(peer, model, threads))
        own, info = own_round(binary, model, threads)
        ours.append(own)
    lines = [f"### {title}", "", f"{info['cpu_info']}, {threads} threads, kernels {info['kernels']}, {rounds} rounds; median (min–max)", "",
             "| test | llama.cpp | redrafter | redrafter ÷ llama.cpp, pair by pair |", "|---|---:|---:|---:|"]
    for name in ["tg128", "pp512"]:
        a = [tokens(name) * 1000 / r[name] for r in theirs]
        b = [tokens(name) * 1000 / r[name] for r in ours]
        lines.append(f"| {name}, tokens/s | {spread(a, 1)} | {spread(b, 1)} | {spread([y / x for x, y in zip(a, b)], 2)} × |")
    for count in ROWS:
        name = f"rows{count}"
        a, b = [r[name] for r in theirs], [r[name] for r in ours]
        lines.append(f"| pass over {count} rows, ms | {spread(a, 2)} | {spread(b, 2)} | {spread([y / x for x, y in zip(a, b)], 2)} × |")
    lines += ["", "| price of a pass relative to one row | llama.cpp | redrafter |", "|---|---:|---:|"]
    for count in ROWS[1:]:
        a = [r[f"rows{count}"] / r["rows1"] for r in theirs]
        b = [r[f"rows{count}"] / r["rows1"] for r in ours]
        lines.append(f"| {count} rows / 1 row | {spread(a, 2)} | {spread(b, 2)} |")
    limit = [r["read"] / (r["tg128"] / 128) for r in ours]
    lines += ["", f"Decoding runs at {spread([100 * x for x in limit], 0)} % of a plain read of the same bytes "
              f"({info['model_size'] / 1e6:.1f} MB a token)."]
    print("\n".join(lines) + "\n")
    return {"title": title, "peer_ms": theirs, "redrafter_ms": ours, "info": {k: info[k] for k in ["cpu_info", "kernels", "n_threads", "model_size"]}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=min(os.cpu_count() or 1, 2))
    parser.add_argument("--model", default=os.path.join(cache(), "SmolLM2-135M-Instruct.Q4_1.gguf"))
    parser.add_argument("--json", help="also write all samples to this file")
    parser.add_argument("--skip-q4-0", action="store_true", help="leave out the Q4_0 file, for which llama.cpp repacks weights")
    arguments = parser.parse_args()
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    binary = os.path.join(root, ".build", "release", "redrafter")
    peer = os.path.join(cache(), "peer", f"llama-cpp-python-{VERSION}")
    for path, remedy in [(binary, "make build"), (f"{peer}/rows_bench", "Benchmarks/Scripts/build-peer.sh"), (arguments.model, "make setup")]:
        if not os.path.exists(path):
            sys.exit(f"error: {path} is missing; run {remedy}")
    files = [(os.path.basename(arguments.model), arguments.model)]
    if not arguments.skip_q4_0:
        q4_0 = os.path.join(cache(), "peer", "SmolLM2-135M-Instruct.Q4_0.gguf")
        if not os.path.exists(q4_0):
            run([f"{peer}/build/bin/llama-quantize", "--allow-requantize", arguments.model, q4_0 + ".part", "Q4_0"])
            os.rename(q4_0 + ".part", q4_0)
        files.append((os.path.basename(q4_0), q4_0))
    results = [compare(title, path, peer, binary, arguments.threads, arguments.rounds) for title, path in files]
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
