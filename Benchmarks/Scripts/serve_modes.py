"""What bench-serve.py measures besides speed: a short prompt behind a long one, memory, and the cost of HTTP."""
import asyncio
import json
import os
import random
import re
import statistics
import sys

import peer
import wire
from serve_load import PEER, PROMPTS, answer_all, body


# ---- A short prompt while a long one is read ---------------------------------------------------------------------


def long_prompt(server, prompts, seed, wanted):
    """A prompt of about so many tokens, chat format included, that begins like no other."""
    generator = random.Random(seed)
    words = " ".join(prompts).split()
    text = f"Text number {seed}: " + " ".join(generator.choice(words) for _ in range(wanted))
    tokens = asyncio.run(wire.send(server.address, "POST", "/tokenize", {"content": text})).json["tokens"]
    # About 40 tokens are the chat format's.
    return text[:int(len(text) * (wanted - 40) / len(tokens))]


async def ask(server, prompt, tokens):
    """A request that was sent now."""
    return await wire.open_exchange(
        server.address, wire.payload("POST", "/v1/chat/completions", body(server, prompt, tokens)))


def answered(exchange, server):
    answer = wire.Answer(wire.Response(exchange))
    if not answer.is_whole or answer.first is None:
        sys.exit(f"error: {server.name} answered {answer.response.status}: {answer.response.bytes[-500:]!r}")
    return answer


async def short_behind_long(server, long, short, share):
    """One sample: a text is being generated, a long prompt comes, and in the midst of its reading a short one."""
    watched, is_over = [], False

    async def watch():
        number = 0
        while not is_over:
            number += 1
            watched.append(await ask(server, f"Tell me a very long story about the number {number}.", 1000))
            await watched[-1].done

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0.3)
    first = await ask(server, long, 8)
    await asyncio.sleep(share)
    second = await ask(server, short, 8)
    await asyncio.gather(first.done, second.done)
    is_over = True
    watched[-1].abort()
    await watcher
    first, second = answered(first, server), answered(second, server)
    # Each step of the text that is watched is a pass.
    steps = sorted(moment for exchange in watched for moment, value in wire.Answer(wire.Response(exchange)).steps
                   if value != "[DONE]" and value.get("choices"))
    begin, end = first.response.sent, first.response.sent + first.first
    asked, came = second.response.sent, second.response.sent + second.first
    within = [moment for moment in steps if begin <= moment <= end]
    gaps = [1000 * (b - a) for a, b in zip(within, within[1:])]
    return {"first_ms": 1000 * second.first, "long_ms": 1000 * first.first, "gaps": gaps, "is_behind": came < end and bool(gaps),
            "passes": sum(asked < moment <= came for moment in steps), "long_tokens": first.usage["prompt_tokens"]}


def measure_long_prompt(servers, prompts, arguments, head):
    wanted = min(2000, arguments.context - 40)
    lines, samples = [], {server.name: [] for server in servers}
    alone = {server.name: [] for server in servers}
    reading = {}
    for server in servers:
        asyncio.run(answer_all(server, prompts[:2 * arguments.parallel], arguments.parallel, arguments.tokens))
        exchange = asyncio.run(finished(server, long_prompt(server, prompts, 0, wanted)))
        reading[server.name] = answered(exchange, server).first
    for number in range(1, arguments.rounds + 1):
        for server in servers:
            short = f"What is {number} and {number + 1}?"
            alone[server.name].append(1000 * answered(asyncio.run(finished(server, f"Say {number} twice.")), server).first)
            long = long_prompt(server, prompts, number, wanted)
            # At a different moment of the reading in each round.
            share = reading[server.name] * (0.1 + 0.6 * (number - 1) / max(1, arguments.rounds - 1))
            sample = asyncio.run(short_behind_long(server, long, short, share))
            for attempt in range(1, 4):
                if sample["is_behind"]:
                    break
                # The long prompt was read before the short one came: sooner, and with words that no cache has.
                share /= 2
                long = long_prompt(server, prompts, 1000 * attempt + number, wanted)
                sample = asyncio.run(short_behind_long(server, long, f"What is {number} and {1000 * attempt}?", share))
            samples[server.name].append(sample)
            print(f"== round {number} of {arguments.rounds}, {server.name}: {sample['first_ms']:.0f} ms, {sample['passes']} passes"
                  f"{'' if sample['is_behind'] else ': came too late, left out'}", file=sys.stderr)
    for name, of in samples.items():
        of = [sample for sample in of if sample["is_behind"]]
        if not of:
            lines.append([name, "the long prompt was read too fast", *[""] * 5])
            continue
        gap = [statistics.median(sample["gaps"]) for sample in of]
        lines.append([name, f"{of[0]['long_tokens']}", peer.spread(alone[name], 0), peer.spread([s["first_ms"] for s in of], 0),
                      peer.spread(gap, 1), peer.spread([s["first_ms"] / g for s, g in zip(of, gap)], 1),
                      peer.spread([s["passes"] for s in of], 0)])
    print(head + "\n\n" + peer.table(
        ["server", "tokens of the long prompt", "first token alone, ms", "while the long prompt is read, ms", "pass meanwhile, ms",
         "in such passes", "passes counted"], lines))
    peer.write_json(arguments.json, samples)


async def finished(server, prompt):
    exchange = await ask(server, prompt, 8)
    await exchange.done
    return exchange


# ---- Memory ------------------------------------------------------------------------------------------------------


def planned(lines):
    """Megabytes that a server says it has planned besides the model, or None; and the lines that say so."""
    said = [line for line in lines if re.search(r"\d MB", line)]
    numbers = [float(number.replace(",", "")) for line in said if "model" not in line.split("MB")[0].lower()
               for number in re.findall(r"([\d.,]+) MB", line)]
    return sum(numbers) if numbers else None, said


def measure_memory(servers, prompts, arguments, head):
    model = os.path.getsize(arguments.model) / 1e6
    lines, said = [], []
    for server in servers:
        for level in arguments.levels:
            asyncio.run(answer_all(server, prompts, level, arguments.tokens))
        now = server.memory()
        amount, text = planned(server.lines) if server.name != PEER else (None, [])
        said += [f"    {server.name}: {line}" for line in text]
        over = now["VmRSS"] - model - amount if amount is not None else None
        lines.append([server.name, f"{model:.0f}", "–" if amount is None else f"{amount:.0f}", f"{server.loaded['VmRSS']:.0f}",
                      f"{now['VmRSS']:.0f}", f"{now['VmHWM']:.0f}", f"{now['RssAnon']:.0f}", f"{now['RssFile']:.0f}",
                      "–" if over is None else f"{over:.0f}"])
    columns = ["server", "model file", "planned, as it says", "resident after loading", "after the run", "peak", "anonymous", "of files",
               "after the run – model – planned"]
    print("\n\n".join(filter(None, [head, "Megabytes:", peer.table(columns, lines), "\n".join(said)])))
    peer.write_json(arguments.json, [dict(zip(columns, line)) for line in lines])


# ---- The cost of HTTP --------------------------------------------------------------------------------------------


def engine_speeds(arguments):
    """Tokens per second of the engine without HTTP for the same prompts, with and without a drafter."""
    command = [arguments.binary, "compare", "--prompts", PROMPTS, "--limit", str(arguments.limit), "--drafters", "auto", "--clients",
               str(arguments.parallel), "-n", str(arguments.tokens), "-r", "1", "-m", arguments.model, "-t", str(arguments.threads),
               "-o", "json"]
    entries = json.loads(peer.run(command, **({"REDRAFTER_KERNELS": arguments.kernels} if arguments.kernels else {})))
    return {"none" if entry["drafter"] == "none" else "redrafter": entry["tokens_per_second"][0] for entry in entries}


def observe(server):
    """Counters of the engine, and processor seconds by name of thread."""
    values = wire.metrics(server.get("/metrics").bytes.decode())
    seconds = sum(values.get(f"redrafter:{part}_seconds_total", 0) for part in ("draft", "verify", "other"))
    return seconds, values.get("redrafter:passes_total", 0), server.processor_seconds()


def measure_overhead(servers, prompts, arguments, head):
    clients, lines, samples = arguments.parallel, [], []
    ratios = {}
    for number in range(arguments.rounds):
        for server in (server for server in servers if server.name != PEER):
            if number == 0:
                asyncio.run(answer_all(server, prompts[:2 * clients], clients, arguments.tokens))
            before = observe(server)
            run = asyncio.run(answer_all(server, prompts, clients, arguments.tokens))
            after = observe(server)
            passes = max(1, after[1] - before[1])
            busy = (after[0] - before[0]) / passes
            threads = {name: (value - before[2].get(name, 0)) / passes for name, value in after[2].items()}
            samples.append({"server": server.name, "speed": run.speed, "passes": passes, "pass_ms": 1000 * busy,
                            "between_ms": 1000 * (run.seconds / passes - busy),
                            "client_ms": 1000 * run.client_seconds / passes,
                            "threads_ms": {name: 1000 * value for name, value in threads.items() if value > 0}})
        # In the same round, while the servers wait.
        for name, speed in engine_speeds(arguments).items():
            through = [sample["speed"] for sample in samples if sample["server"] == name]
            if through:
                ratios.setdefault(name, []).append(through[-1] / speed)
    for server in (server for server in servers if server.name != PEER):
        of = [sample for sample in samples if sample["server"] == server.name]
        names = sorted({name for sample in of for name in sample["threads_ms"]})
        threads = "; ".join(f"{name} {peer.spread([sample['threads_ms'].get(name, 0) for sample in of], 3)}" for name in names)
        lines.append([server.name, peer.spread([s["speed"] for s in of], 0), peer.spread([s["pass_ms"] for s in of], 2),
                      peer.spread([s["between_ms"] for s in of], 3), threads, peer.spread([s["client_ms"] for s in of], 3)])
    print(head + "\n\n" + peer.table(
        [f"server, {clients} clients", "tokens/s", "pass, ms", "between passes, ms", "processor time of its threads for each pass, ms",
         "of the clients, ms"], lines))
    for name, of in ratios.items():
        print(f"\n{name}: tokens/s through HTTP ÷ tokens/s of `redrafter compare --clients {clients}`: {peer.spread(of, 3)} ×")
    peer.write_json(arguments.json, {"samples": samples, "ratios": ratios})


MODES = {"long-prompt": measure_long_prompt, "memory": measure_memory, "overhead": measure_overhead}
