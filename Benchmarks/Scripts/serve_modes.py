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
from serve_load import PEER, PROMPTS, answer_all, body, turns


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
    """One sample: a text is being generated, a long prompt comes, and in the midst of its reading a short one. It counts where the
    short one was asked before the long prompt had been read, however late its answer came."""
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
    return {"first_ms": 1000 * second.first, "long_ms": 1000 * first.first, "gaps": gaps, "counts": begin < asked < end,
            "waited": came >= end, "passes": sum(asked < moment <= came for moment in steps),
            "long_tokens": first.usage["prompt_tokens"]}


def measure_long_prompt(servers, prompts, arguments, head):
    wanted = min(2000, arguments.context - 40)
    samples = {server.name: [] for server in servers}
    alone = {server.name: [] for server in servers}
    reading = {}
    for server in servers:
        asyncio.run(answer_all(server, prompts[:2 * arguments.parallel], arguments.parallel, arguments.tokens))
        exchange = asyncio.run(finished(server, long_prompt(server, prompts, 0, wanted)))
        reading[server.name] = answered(exchange, server).first
    for number in range(1, arguments.rounds + 1):
        for server in turns(servers, number):
            alone[server.name].append(1000 * answered(asyncio.run(finished(server, f"Say {number} twice.")), server).first)
            # At a different moment of the reading in each round.
            share = reading[server.name] * (0.1 + 0.6 * (number - 1) / max(1, arguments.rounds - 1))
            for attempt in range(4):
                # Words that no cache has.
                long = long_prompt(server, prompts, 1000 * attempt + number, wanted)
                short = f"What is {number} and {1000 * attempt + number + 1}?"
                sample = asyncio.run(short_behind_long(server, long, short, share))
                samples[server.name].append(sample)
                print(f"== round {number} of {arguments.rounds}, {server.name}: {sample['first_ms']:.0f} ms, "
                      f"{sample['passes']} passes"
                      f"{'' if sample['counts'] else ': asked when the long prompt had been read, left out'}", file=sys.stderr)
                if sample["counts"]:
                    break
                # The next one is asked sooner.
                share /= 2
    lines = [long_prompt_line(name, of, alone[name]) for name, of in samples.items()]
    notes = [long_prompt_note(name, of) for name, of in samples.items()]
    print("\n\n".join([head, peer.table(
        ["server", "tokens of the long prompt", "first token alone, ms", "while the long prompt is read, ms", "pass meanwhile, ms",
         "in such passes", "passes counted"], lines), "\n".join(notes)]))
    peer.write_json(arguments.json, samples)


def long_prompt_line(name, samples, alone):
    of = [sample for sample in samples if sample["counts"]]
    if not of:
        return [name, "the long prompt was read too fast", *[""] * 5]
    passes = [(sample["first_ms"], statistics.median(sample["gaps"])) for sample in of if sample["gaps"]]
    return [name, f"{of[0]['long_tokens']}", peer.spread(alone, 0), peer.spread([sample["first_ms"] for sample in of], 0),
            peer.spread([gap for _, gap in passes], 1) if passes else "–",
            peer.spread([first / gap for first, gap in passes], 1) if passes else "–",
            peer.spread([sample["passes"] for sample in of], 0)]


def long_prompt_note(name, samples):
    """Which samples count and which do not, and why."""
    of = [sample for sample in samples if sample["counts"]]
    late, unseen = len(samples) - len(of), sum(not sample["gaps"] for sample in of)
    parts = [f"- {name}: {len(of)} samples; in {sum(sample['waited'] for sample in of)} of them the short prompt waited until the long "
             f"one had been read; {late} more left out"]
    if late:
        parts.append("there the short prompt was asked when the long one had been read already")
    if unseen:
        parts.append(f"in {unseen} samples no two passes were seen meanwhile: they are not part of the columns of such passes")
    return "; ".join(parts) + "."


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


async def fill(server, prompts, arguments):
    """A text for each slot that takes all of its context; the share of the caches that was written, where the server says it. The
    system lends memory when it is first written: without this, nothing would show what the caches take."""
    rest = min(16, arguments.context // 2)
    exchanges = []
    for slot in range(arguments.parallel):
        generator = random.Random(f"slot {slot}")
        words = " ".join(prompts).split()
        text = f"{slot}: " + " ".join(generator.choice(words) for _ in range(arguments.context))
        tokens = (await wire.send(server.address, "POST", "/tokenize", {"content": text})).json["tokens"]
        tokens = tokens[:arguments.context - rest]
        request = {"model": server.model, "prompt": tokens, "max_tokens": rest, "stream": True,
                   "stream_options": {"include_usage": True}}
        exchanges.append((len(tokens), wire.payload("POST", "/v1/completions", request)))
    exchanges = [(length, await wire.open_exchange(server.address, data)) for length, data in exchanges]
    for length, exchange in exchanges:
        await exchange.done
        answer = wire.Answer(wire.Response(exchange))
        if not answer.is_whole or answer.usage["prompt_tokens"] < length:
            sys.exit(f"error: {server.name} answered {answer.response.status}: {answer.response.bytes[-500:]!r}")
    if server.name == PEER:
        return None
    return wire.metrics((await wire.send(server.address, "GET", "/metrics")).bytes.decode())["redrafter:kv_cache_usage_perc"]


def measure_memory(servers, prompts, arguments, head):
    model = os.path.getsize(arguments.model) / 1e6
    lines, said = [], []
    for server in servers:
        for level in arguments.levels:
            asyncio.run(answer_all(server, prompts, level, arguments.tokens))
        share = asyncio.run(fill(server, prompts, arguments))
        now = server.memory()
        amount, text = planned(server.lines) if server.name != PEER else (None, [])
        said += [f"    {server.name}: {line}" for line in text]
        over = now["VmRSS"] - model - amount if amount is not None else None
        lines.append([server.name, f"{model:.0f}", "–" if amount is None else f"{amount:.0f}", f"{server.loaded['VmRSS']:.0f}",
                      "–" if share is None else f"{100 * share:.0f} %",
                      *(f"{now[name]:.0f}" for name in ("VmRSS", "VmHWM", "RssAnon", "RssFile")),
                      "–" if over is None else f"{over:.0f}"])
    columns = ["server", "model file", "planned, as it says", "resident after loading", "caches written", "after the run", "peak",
               "anonymous", "of files", "after the run – model – planned"]
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
        for server in turns([server for server in servers if server.name != PEER], number):
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
