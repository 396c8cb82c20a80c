#!/usr/bin/env python3
"""Mixed requests at twice the capacity of a server for a while. At its end every whole answer equals that of the same request
sent alone, memory and file descriptors are flat, nothing hangs, nothing runs or waits, and the server answers and ends as usual.

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
# Seconds after which a client that sends its request too slowly must have been left.
STALL_LIMIT = 60


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


async def phase(load, arguments, seconds, name):
    print(f"== {name}: {seconds:.0f} s, {arguments.clients} clients", file=sys.stderr)
    until = time.monotonic() + seconds
    tasks = [load.client(random.Random(f"{arguments.seed}/{name}/{n}"), until) for n in range(arguments.clients)]
    if seconds >= STALL_LIMIT:
        tasks += [load.stall("stalled head", b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", STALL_LIMIT),
                  load.stall("stalled body", wire.payload("POST", "/v1/completions", {"prompt": "x" * 99})[:-80], STALL_LIMIT)]
    await asyncio.gather(*tasks)


async def compare(load):
    """Sends each request that was answered once more, alone and without fields that may not matter; how many answers were compared."""
    compared = 0
    for number, seen in sorted(load.answers.items()):
        path, body, extra = load.cases[number]
        answer = wire.Answer(await wire.send(load.address, "POST", path, body, timeout=load.timeout))
        if not answer.is_whole:
            load.violation("reference", f"request {number} was answered with {answer.response.status}: {answer.response.bytes[:200]!r}")
            continue
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
    compared = await compare(load)
    if (await wire.send(server.address, "GET", "/health")).status != 200:
        load.violation("end", "the server is not healthy")
    return load, compared, f"{memory:.1f} → {late_memory:.1f} MB resident, {files} → {late_files} file descriptors"


def summary(load, compared, resources):
    results = {}
    for (behaviour, result), count in sorted(load.counts.items()):
        results.setdefault(behaviour, []).append(f"{result}: {count}")
    lines = [f"{behaviour:40} {', '.join(parts)}" for behaviour, parts in results.items()]
    print("\n".join([*lines, f"{compared} whole answers compared with those of the same requests alone", resources]))
    for text in load.violations[:30]:
        print("VIOLATION", text)
    print(f"{len(load.violations)} violations")


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
    parser.add_argument("--serve-options", default="", help="more options of `redrafter serve`")
    arguments = parser.parse_args()
    arguments.clients = arguments.clients or 2 * (arguments.parallel + arguments.queue)
    command = [arguments.binary, "serve", "-m", arguments.model, "--port", "0", "-c", str(running.CONTEXT), "--parallel",
               str(arguments.parallel), "--queue", str(arguments.queue), *arguments.serve_options.split()]
    server = wire.Server("redrafter", command).wait()
    try:
        load, compared, resources = asyncio.run(soak(server, arguments))
    except OSError as error:
        sys.exit(f"error: the server is gone ({error}), status {server.process.poll()}:\n" + "\n".join(server.lines[-10:]))
    finally:
        status = server.stop()
    if status != 0:
        load.violation("end", f"the server ended with status {status}:\n" + "\n".join(server.lines[-10:]))
    summary(load, compared, resources)
    return 1 if load.violations else 0


if __name__ == "__main__":
    sys.exit(main())
