#!/usr/bin/env python3
"""Runs `redrafter serve` and llama.cpp's `llama-server` by turns (A B C, B C A …) on the same file with the same threads and
prints the tokens per second of 1 to 16 clients, the time to the first token, and whether any answer depends on the load.

  bench-serve.py [--rounds 3] [--levels 1,2,4,8,16] [--tokens 128] [--limit 80] [--servers llama.cpp,none,redrafter]
  bench-serve.py --long-prompt    # the first token of a short prompt while one of 2,000 tokens is read
  bench-serve.py --memory         # resident memory against what was planned
  bench-serve.py --overhead       # what HTTP and JSON cost for each token

All servers are started once. While one of them works, the others wait. Exit status 1 where an answer of redrafter differs.
"""
import asyncio
import json
import os
import shlex
import statistics
import sys

import peer
import serve_modes
from serve_load import PEER, PROMPTS, answer_all, start, turns

BINARY = os.path.join(peer.ROOT, ".build-server", "release", "redrafter")


# ---- Runs --------------------------------------------------------------------------------------------------------


def measure(servers, prompts, arguments):
    """{level: {server: [run of each round]}}, and each server's answers to one client."""
    runs = {level: {server.name: [] for server in servers} for level in arguments.levels}
    alone = {}
    for server in servers:
        print(f"== warming {server.name}", file=sys.stderr)
        asyncio.run(answer_all(server, prompts[:2 * arguments.parallel], arguments.parallel, arguments.tokens))
        if 1 not in arguments.levels:
            alone[server.name] = asyncio.run(answer_all(server, prompts, 1, arguments.tokens)).texts
    for number in range(arguments.rounds):
        for level in arguments.levels:
            for server in turns(servers, number):
                run = asyncio.run(answer_all(server, prompts, level, arguments.tokens))
                runs[level][server.name].append(run)
                print(f"== round {number + 1} of {arguments.rounds}, {level} clients, {server.name}: {run.speed:.0f} tokens/s, "
                      f"client {100 * run.client_seconds / run.seconds:.0f} % of a core", file=sys.stderr)
    if 1 in arguments.levels:
        alone = {name: rounds[0].texts for name, rounds in runs[1].items()}
    return runs, alone


# ---- Tables ------------------------------------------------------------------------------------------------------


def speed_table(runs, names):
    others = [name for name in names if name != "redrafter"] if "redrafter" in names else []
    lines = []
    for level, of in runs.items():
        ratios = [[own.speed / run.speed for own, run in zip(of["redrafter"], of[other])] for other in others]
        lines.append([str(level), *(peer.spread([run.speed for run in of[name]], 0) for name in names),
                      *(f"{peer.spread(ratio, 2)} ×" for ratio in ratios)])
    return peer.table(["clients", *(f"{name}, tokens/s" for name in names),
                       *(f"redrafter ÷ {other}, pair by pair" for other in others)], lines)


def first_table(runs, names):
    def cell(rounds):
        values = sorted(1000 * value for run in rounds for value in run.first)
        return f"{statistics.median(values):.0f} / {values[min(len(values) - 1, int(0.95 * len(values)))]:.0f}"
    return peer.table(["clients", *(f"{name}, first token: median / 95 %, ms" for name in names)],
                      [[str(level), *(cell(of[name]) for name in names)] for level, of in runs.items()])


def compared(runs, alone, names):
    """{server: (the server whose answers to one client are its reference, [(level, whether an answer is the same)])}. Answers of
    redrafter have to be those of plain decoding. What is the reference itself is not compared."""
    result = {}
    for name in names:
        source = "none" if name == "redrafter" and "none" in names else name
        result[name] = source, [(level, text == reference) for level, of in runs.items() for run in of[name]
                                if run.texts is not alone[source] for text, reference in zip(run.texts, alone[source])]
    return result


def identity_lines(runs, alone, names):
    """What is the same at every level, for each server."""
    lines = []
    for name, (source, answers) in compared(runs, alone, names).items():
        wrong = [level for level, is_same in answers if not is_same]
        where = ", ".join(f"{wrong.count(level)} at {level} clients" for level in runs if level in wrong)
        whose = "its own" if source == name else f"those of {source}"
        lines.append(f"- {name}: {len(wrong)} of {len(answers)} answers differ from {whose} to one client"
                     f"{': ' + where if where else ''}.")
    first = {name: next(iter(runs.values()))[name][0] for name in names}
    lines.append("- Tokens of all prompts: " + ", ".join(f"{n} {r.prompt_tokens}" for n, r in first.items())
                 + "; of these from the cache, all runs: "
                 + ", ".join(f"{n} {sum(r.cached_tokens for of in runs.values() for r in of[n])}" for n in names) + ".")
    return "\n".join(lines)


def report(runs, alone, names, arguments, conditions):
    print("\n\n".join([conditions, speed_table(runs, names), first_table(runs, names), identity_lines(runs, alone, names)]))
    peer.write_json(arguments.json, {
        "conditions": conditions,
        "runs": {level: {name: [{"tokens": run.tokens, "seconds": run.seconds, "first": run.first,
                                 "client_seconds": run.client_seconds} for run in rounds] for name, rounds in of.items()}
                 for level, of in runs.items()}})
    return all(is_same for name, (_, answers) in compared(runs, alone, names).items() if name != PEER for _, is_same in answers)


# ---- Arguments ---------------------------------------------------------------------------------------------------


def parse():
    parser = peer.parser(__doc__, rounds=3)
    parser.add_argument("--levels", default="1,2,4,8,16", help="numbers of clients, comma-separated")
    parser.add_argument("--tokens", type=peer.positive, default=128, help="tokens of an answer at most")
    parser.add_argument("--limit", type=peer.positive, default=80, help="prompts of MT-Bench")
    parser.add_argument("--servers", default=f"{PEER},none,redrafter",
                        help=f"which take turns, comma-separated: {PEER}, none, redrafter, baseline")
    parser.add_argument("--parallel", type=peer.positive, default=8, help="slots")
    parser.add_argument("--context", type=peer.positive, default=2048, help="tokens of a slot")
    parser.add_argument("--model", default=peer.default_model())
    parser.add_argument("--binary", default=BINARY, help="redrafter, built with the trait Server")
    parser.add_argument("--baseline", metavar="BINARY", help="another one, measured in the same rounds")
    parser.add_argument("--kernels", metavar="NAME", default=peer.chosen_kernels(),
                        help="kernel set of redrafter; with avx2, llama.cpp uses no more either")
    parser.add_argument("--serve-options", default="", metavar="WORDS", help="more options of `redrafter serve`")
    parser.add_argument("--json", metavar="FILE", help="also write all samples to this file")
    mode = parser.add_mutually_exclusive_group()
    for name in serve_modes.MODES:
        mode.add_argument(f"--{name}", action="store_true")
    arguments = parser.parse_args()
    arguments.levels = [peer.positive(level) for level in arguments.levels.split(",")]
    arguments.servers = arguments.servers.split(",") + (["baseline"] if arguments.baseline else [])
    unknown = set(arguments.servers) - {PEER, "none", "redrafter", "baseline"}
    if unknown or "baseline" in arguments.servers and not arguments.baseline:
        parser.error(f"--servers: {', '.join(sorted(unknown)) + ' is unknown' if unknown else 'baseline needs --baseline BINARY'}")
    return arguments


def conditions(arguments, llama_cpp):
    parts = []
    if os.path.exists(arguments.binary):
        info = json.loads(peer.run([arguments.binary, "bench", "-m", arguments.model, "-p", "1", "-n", "0", "-r", "1", "-o", "json"],
                                   **({"REDRAFTER_KERNELS": arguments.kernels} if arguments.kernels else {})))[0]
        parts = [info["cpu_info"], f"kernels {info['kernels']}"]
    if llama_cpp:
        parts.append(f"llama.cpp built for {llama_cpp.built_for}")
    return (f"{', '.join(parts)}; {os.path.basename(arguments.model)}, {arguments.threads} threads, {arguments.parallel} slots of "
            f"{arguments.context} tokens, {arguments.limit} prompts, {arguments.tokens} tokens each, {arguments.rounds} rounds; "
            f"median (min–max)\n\n```sh\n{shlex.join([os.path.relpath(sys.argv[0], peer.ROOT), *sys.argv[1:]])}\n```")


def main():
    arguments = parse()
    peer.require_model(arguments.model)
    if set(arguments.servers) & {"none", "redrafter"}:
        peer.require(arguments.binary, "run make build-server, or pass --binary")
    llama_cpp = None
    if PEER in arguments.servers:
        llama_cpp = peer.LlamaCpp(arguments.threads, [], arguments.kernels, arguments.binary, ["--server"])
    with open(PROMPTS) as file:
        prompts = [json.loads(line)["turns"][0] for line in file][:arguments.limit]
    head = conditions(arguments, llama_cpp)
    servers = []
    try:
        for name in arguments.servers:
            servers.append(start(name, arguments, llama_cpp))
            servers[-1].loaded = servers[-1].memory()
        chosen = [name for name in serve_modes.MODES if getattr(arguments, name.replace("-", "_"))]
        if chosen:
            serve_modes.MODES[chosen[0]](servers, prompts, arguments, head)
            return 0
        runs, alone = measure(servers, prompts, arguments)
        return 0 if report(runs, alone, [server.name for server in servers], arguments, head) else 1
    finally:
        for server in servers:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
