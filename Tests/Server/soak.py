#!/usr/bin/env python3
"""Mixed requests at twice the capacity of a server for a while. At its end every whole answer equals that of the same request
sent alone to another server, which decodes plainly and knows no other text, memory and file descriptors are flat, nothing hangs, nothing runs or waits, and the server answers and ends as usual.

  soak.py [--seconds 600] [--seed 1] [--binary .build-server/release/redrafter]

Exit status 1 on any violation.
"""
import argparse
import asyncio
import json
import random
import sys
import time

import running
import traffic

wire = running.wire
# Seconds that the server gives a client for the head of its request and for all of it: its defaults, and shorter ones for short
# runs. Clients that write slowly take two seconds at most.
DEADLINES, SHORT_DEADLINES = (10, 30), (5, 8)


async def quiet(address, seconds=20):
    """Waits until nothing runs or waits; what the metrics say then."""
    deadline = time.monotonic() + seconds
    while True:
        values = wire.metrics((await wire.send(address, "GET", "/metrics")).bytes.decode())
        busy = [values[f"redrafter:num_requests_{name}"] for name in ("running", "waiting")]
        if busy == [0, 0] or time.monotonic() > deadline:
            return busy
        await asyncio.sleep(0.1)


async def lower(measure, bound, seconds=10):
    """The last value of a measurement that is repeated until it is at most `bound`."""
    deadline = time.monotonic() + seconds
    while (value := measure()) > bound and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    return value


def stall_limit(arguments):
    """Seconds after which a client that sends its request too slowly must have been left."""
    return 2 * arguments.deadlines[1]


async def phase(load, arguments, seconds, name):
    print(f"== {name}: {seconds:.0f} s, {arguments.clients} clients", file=sys.stderr)
    until = time.monotonic() + seconds
    tasks = [load.client(random.Random(f"{arguments.seed}/{name}/{n}"), until) for n in range(arguments.clients)]
    if seconds >= stall_limit(arguments):
        (head, body), limit = arguments.deadlines, stall_limit(arguments)
        tasks += [load.stall("stalled head", b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", head, limit),
                  load.stall("stalled body", wire.payload("POST", "/v1/completions", {"prompt": "x" * 99})[:-80], body, limit)]
    await asyncio.gather(*tasks)


async def compare(load, reference):
    """Sends each request that was answered once more to another server, without fields that may not matter; how many answers were
    compared."""
    compared = 0
    for number, seen in sorted(load.answers.items()):
        path, body, extra = load.cases[number]
        # Another text takes the only slot, so that nothing of an earlier one can be used again.
        await wire.send(reference, "POST", traffic.TEXT, {"prompt": "#", "max_tokens": 1}, timeout=load.timeout)
        answer = wire.Answer(await wire.send(reference, "POST", path, body, timeout=load.timeout))
        if not answer.is_whole:
            load.violation("reference", f"request {number} was answered with {answer.response.status}: {answer.response.bytes[:200]!r}")
            continue
        # Some models begin every text with the same token.
        if (reused := answer.usage["prompt_tokens_details"]["cached_tokens"]) > 1:
            load.violation("reference", f"request {number} used {reused} tokens of another one")
        expected = traffic.outcome(answer)
        for key, times in seen.items():
            compared += times
            got = json.loads(key)
            wrong = [name for name in expected if got[name] != expected[name]]
            if wrong:
                load.violation("comparison", f"request {number} ({json.dumps(extra)}) {times} times with another {', '.join(wrong)}: "
                               f"{got[wrong[0]]!r:.300} instead of {expected[wrong[0]]!r:.300}")
    return compared


async def soak(server, arguments):
    entry = (await wire.send(server.address, "GET", "/v1/models")).json["data"][0]
    cases = traffic.make_cases(entry["id"], entry["meta"]["drafters"], arguments.cases, arguments.seed)
    load = traffic.Traffic(server.address, cases, arguments.timeout)

    # Memory grows while caches fill and threads start; what counts is that it does not grow afterwards.
    await phase(load, arguments, arguments.seconds / 4, "warm-up")
    await quiet(server.address)
    memory, files = server.memory()["VmRSS"], server.open_files()
    await phase(load, arguments, arguments.seconds * 3 / 4, "soak")
    busy = await quiet(server.address)
    if busy != [0, 0]:
        load.violation("end", f"{busy[0]:.0f} requests run and {busy[1]:.0f} wait")
    late_files = await lower(server.open_files, files)
    late_memory = await lower(lambda: server.memory()["VmRSS"], memory + arguments.growth)
    if late_files > files:
        load.violation("end", f"{late_files} file descriptors instead of {files}")
    if late_memory > memory + arguments.growth:
        load.violation("end", f"{late_memory:.1f} MB resident instead of {memory:.1f} MB")
    if (await wire.send(server.address, "GET", "/health")).status != 200:
        load.violation("end", "the server is not healthy")
    return load, f"{memory:.1f} → {late_memory:.1f} MB resident, {files} → {late_files} file descriptors"


def summary(load, compared, resources):
    results = {}
    for (behaviour, result), count in sorted(load.counts.items()):
        results.setdefault(behaviour, []).append(f"{result}: {count}")
    lines = [f"{behaviour:40} {', '.join(parts)}" for behaviour, parts in results.items()]
    print("\n".join([*lines, f"{compared} whole answers compared with those of the same requests alone on another server", resources]))
    for text in load.violations[:30]:
        print("VIOLATION", text)
    print(f"{len(load.violations)} violations")


def serve(arguments, *options):
    command = [arguments.binary, "serve", "-m", arguments.model, "--port", "0", "-c", str(running.CONTEXT), *options,
               *arguments.serve_options.split()]
    return wire.Server("redrafter", command).wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--binary", default=running.binary())
    parser.add_argument("--model", default=running.model())
    parser.add_argument("--parallel", type=int, default=4, help="slots")
    parser.add_argument("--queue", type=int, default=4, help="requests that may wait")
    parser.add_argument("--clients", type=int, help="without it, twice as many as are served or wait")
    parser.add_argument("--cases", type=int, default=60, help="different requests")
    parser.add_argument("--timeout", type=float, default=120, help="seconds after which a request hangs")
    parser.add_argument("--growth", type=float, default=8, help="megabytes that count as flat")
    parser.add_argument("--serve-options", default="", help="more options of `redrafter serve`, for both servers")
    arguments = parser.parse_args()
    arguments.clients = arguments.clients or 2 * (arguments.parallel + arguments.queue)
    # The stalled clients are part of the longer phase.
    arguments.deadlines = SHORT_DEADLINES if arguments.seconds * 3 / 4 < 2 * DEADLINES[1] else DEADLINES
    if arguments.seconds * 3 / 4 < stall_limit(arguments):
        print("== too short for clients that stall", file=sys.stderr)
    head, body = map(str, arguments.deadlines)
    server = serve(arguments, "--parallel", str(arguments.parallel), "--queue", str(arguments.queue), "--timeout-headers", head,
                   "--timeout-body", body)
    try:
        load, resources = asyncio.run(soak(server, arguments))
    except OSError as error:
        sys.exit(f"error: the server is gone ({error}), status {server.process.poll()}:\n" + "\n".join(server.lines[-10:]))
    finally:
        status = server.stop()
    if status != 0:
        load.violation("end", f"the server ended with status {status}:\n" + "\n".join(server.lines[-10:]))
    print(f"== comparing the answers to {len(load.answers)} requests", file=sys.stderr)
    reference = serve(arguments, "--parallel", "1", "--drafter", "none")
    try:
        compared = asyncio.run(compare(load, reference.address))
    finally:
        reference.stop()
    summary(load, compared, resources)
    return 1 if load.violations else 0


if __name__ == "__main__":
    sys.exit(main())
