"""What the scripts share that compare redrafter with llama.cpp: where both are, one round of each, and the tables."""
import argparse
import json
import os
import statistics
import subprocess
import sys

VERSION = "0.3.36"
SCRIPTS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(SCRIPTS))
BINARY = os.path.join(ROOT, ".build", "release", "redrafter")


# ---- Files and commands ----------------------------------------------------------------------------------------


def cache():
    if os.environ.get("REDRAFTER_CACHE"):
        return os.environ["REDRAFTER_CACHE"]
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "redrafter")


def default_model():
    return os.path.join(cache(), "SmolLM2-135M-Instruct.Q4_1.gguf")


def require(path, remedy):
    if not os.path.exists(path):
        sys.exit(f"error: {path} is missing; {remedy}")


def require_model(path):
    require(path, "run make setup" if path == default_model() else "pass another file")


def run(command, **variables):
    """What a command prints; `variables` are added to its environment."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **variables})
    if done.returncode:
        sys.exit(f"error: {' '.join(command)} failed ({done.returncode}): {done.stderr.strip()[-500:]}")
    return done.stdout


def quantize(llama_cpp, source, target, kind):
    """A file that llama.cpp's own tool makes, unless it is there and no older than its source."""
    if not os.path.exists(target) or os.path.getmtime(target) < os.path.getmtime(source):
        print(f"== quantising {os.path.basename(target)}", file=sys.stderr)
        run([llama_cpp.tool("llama-quantize"), "--allow-requantize", source, target + ".part", kind])
        os.rename(target + ".part", target)


# ---- Engines ---------------------------------------------------------------------------------------------------


class LlamaCpp:
    """llama.cpp, which is built if it is not there yet."""

    name = "llama.cpp"

    def __init__(self, threads, rows, kernels=None, binary=None, options=()):
        self.threads, self.rows = threads, rows
        best = available_kernels(binary)[0] if kernels else None
        # Where the processor has better instructions than the kernels that are measured, the peer may not use them either.
        self.set = "avx2" if kernels == "avx2" and best != "avx2" else None
        self.built_for = self.set or "this processor"
        if kernels != best and not self.set:
            self.built_for = f"all of this processor (more than {kernels})"
            print(f"== note: llama.cpp uses all of this processor, redrafter only {kernels}; its best set here is {best}",
                  file=sys.stderr)
        folder = f"build-{self.set}" if self.set else "build"
        self.folder = os.path.join(cache(), "peer", f"llama-cpp-python-{VERSION}", folder, "bin")
        environment = {**os.environ, "REDRAFTER_PEER_SET": self.set or ""}
        command = ["bash", os.path.join(SCRIPTS, "build-peer.sh"), *options]
        if subprocess.run(command, stdout=sys.stderr, env=environment).returncode:
            sys.exit("error: llama.cpp could not be built")

    def tool(self, name):
        return os.path.join(self.folder, name)

    def bench(self, model, prompt, generated, repetitions):
        """What llama-bench says of its tests."""
        return json.loads(run([self.tool("llama-bench"), "-m", model, "-t", str(self.threads), "-p", str(prompt),
                               "-n", str(generated), "-r", str(repetitions), "-o", "json"]))

    def round(self, model):
        """Milliseconds of every test, one sample each, after the tool's own warm-up."""
        result = {f"pp{e['n_prompt']}" if e["n_prompt"] else f"tg{e['n_gen']}": e["samples_ns"][0] / 1e6
                  for e in self.bench(model, 512, 128, 1)}
        lines = run([self.tool("rows_bench"), model, str(self.threads), "1", *map(str, self.rows)]).splitlines()
        return result | {e["test"]: e["samples_ns"][0] / 1e6 for e in map(json.loads, lines)}


class Redrafter:
    """A binary of this project. `info` is what it says of itself in a round."""

    def __init__(self, name, binary, threads, rows, kernels=None):
        require(binary, "run make build" if binary == BINARY else "build it first")
        self.name, self.binary, self.threads, self.rows, self.info = name, binary, threads, rows, {}
        self.variables = {"REDRAFTER_KERNELS": kernels} if kernels else {}

    def round(self, model):
        """Milliseconds of every test, one sample each, after the command's own warm-up."""
        entries = json.loads(run(
            [self.binary, "bench", "-m", model, "-t", str(self.threads), "-p", "512", "-n", "128", "-r", "1", "--read",
             "--rows", ",".join(map(str, self.rows)), "-o", "json"], **self.variables))
        self.info = {key: entries[0][key] for key in ("cpu_info", "kernels", "n_threads", "model_size")}
        return {e["test"]: e["samples_ns"][0] / 1e6 for e in entries}


def available_kernels(binary=None):
    """The kernel sets of this processor, best first."""
    require(binary or BINARY, "run make build")
    return run([binary or BINARY, "--version"]).splitlines()[-1].removeprefix("kernels: ").split(", ")


def chosen_kernels():
    """The kernel set that the environment asks redrafter for, if any."""
    return os.environ.get("REDRAFTER_KERNELS") or None


def engines(arguments, rows):
    """llama.cpp, the baseline if there is one, and this build: the order in which they take turns."""
    if arguments.kernels and arguments.kernels not in available_kernels():
        sys.exit(f"error: kernel set '{arguments.kernels}' is not available here; "
                 f"choose one of: {', '.join(available_kernels())}")
    own = [("redrafter", BINARY)]
    if arguments.baseline:
        own.insert(0, ("baseline", arguments.baseline))
    own = [Redrafter(name, binary, arguments.threads, rows, arguments.kernels) for name, binary in own]
    return [LlamaCpp(arguments.threads, rows, arguments.kernels), *own]


# ---- Measurements and their tables -------------------------------------------------------------------------------


def measure(title, model, contenders, rounds):
    """{engine: [milliseconds by test, of each round]}; in each round the engines run one after the other."""
    samples = {engine.name: [] for engine in contenders}
    for number in range(rounds):
        print(f"== {title}: round {number + 1} of {rounds}", file=sys.stderr)
        for engine in contenders:
            samples[engine.name].append(engine.round(model))
    return samples


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def conditions(contenders, rounds):
    llama_cpp, own = contenders[0], contenders[-1]
    return (f"{own.info['cpu_info']}, {own.threads} threads, kernels {own.info['kernels']}, "
            f"llama.cpp built for {llama_cpp.built_for}, {rounds} rounds; median (min–max)")


def table(columns, lines, labels=1):
    """A Markdown table; the first columns, as many as `labels`, are words and the others numbers."""
    rule = ["---"] * labels + ["---:"] * (len(columns) - labels)
    return "\n".join(["| " + " | ".join(columns) + " |", "|" + "|".join(rule) + "|",
                      *("| " + " | ".join(line) + " |" for line in lines)])


def speed_columns(samples):
    return ["test", *samples, *(f"redrafter ÷ {other}, pair by pair" for other in samples if other != "redrafter")]


def speed_lines(samples, rows):
    """A line of cells for each test."""
    tests = [("tg128, tokens/s", "tg128", 128_000), ("pp512, tokens/s", "pp512", 512_000)]
    tests += [(f"pass over {count} rows, ms", f"rows{count}", None) for count in rows]
    lines = []
    for label, test, scale in tests:
        values = {name: [scale / r[test] if scale else r[test] for r in rounds] for name, rounds in samples.items()}
        ratios = [[own / theirs for own, theirs in zip(values["redrafter"], values[other])]
                  for other in samples if other != "redrafter"]
        lines.append([label, *(spread(v, 1 if scale else 2) for v in values.values()),
                      *(f"{spread(ratio, 2)} ×" for ratio in ratios)])
    return lines


def price_columns(samples):
    return ["price of a pass relative to one row", *samples]


def price_lines(samples, rows):
    return [[f"{count} rows / 1 row",
             *(spread([r[f"rows{count}"] / r["rows1"] for r in rounds], 2) for rounds in samples.values())]
            for count in rows if count > 1]


def share_of_read(samples):
    """How fast decoding is, in per cent of a plain read of the same bytes."""
    return spread([100 * r["read"] / (r["tg128"] / 128) for r in samples["redrafter"]], 0)


def result(title, model, samples, contenders):
    """What --json has of one model."""
    return {"title": title, "model": model, "ms": samples, "info": {e.name: e.info for e in contenders[1:]}}


def write_json(path, results):
    if path:
        with open(path, "w") as file:
            json.dump(results, file, indent=1)


# ---- Arguments -------------------------------------------------------------------------------------------------


def positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1")
    return int(text)


def parser(description, rounds=5):
    """The arguments that all scripts have."""
    arguments = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=positive, default=rounds)
    arguments.add_argument("--threads", type=positive, default=min(os.cpu_count() or 1, 2))
    return arguments


def pass_parser(description, rounds=5):
    """The arguments of scripts that measure single passes."""
    arguments = parser(description, rounds)
    arguments.add_argument("--baseline", metavar="BINARY", help="another redrafter, measured in the same rounds")
    arguments.add_argument("--kernels", metavar="NAME", default=chosen_kernels(),
                           help="kernel set of redrafter (that in REDRAFTER_KERNELS, or else the best one); with avx2, llama.cpp "
                                "uses no more either, with others all of the processor")
    arguments.add_argument("--json", metavar="FILE", help="also write all samples to this file")
    return arguments
