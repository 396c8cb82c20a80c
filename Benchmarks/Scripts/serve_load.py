"""The load that bench-serve.py puts on servers: how they are started, what is asked, and one run of many clients."""
import asyncio
import os
import shlex
import sys
import time

import peer
import wire

PEER = "llama.cpp"
PROMPTS = os.path.join(peer.ROOT, "Tests", "Prompts", "mt_bench.jsonl")
# The defaults of `redrafter serve`, for both; llama-server has others.
SAMPLING = {"temperature": 0, "top_k": 40, "top_p": 0.95, "min_p": 0.05, "presence_penalty": 0, "frequency_penalty": 0, "seed": 1}


# ---- Servers -----------------------------------------------------------------------------------------------------


def start(name, arguments, llama_cpp):
    """A server that is ready. `none` is redrafter without a drafter."""
    print(f"== starting {name}", file=sys.stderr)
    threads, slots = str(arguments.threads), str(arguments.parallel)
    if name == PEER:
        port = wire.free_port()
        # Its context is that of all slots together. Finished texts stay in slots only, as here, not in a cache beside them.
        context = str(arguments.parallel * arguments.context)
        command = [llama_cpp.tool("llama-server"), "-m", arguments.model, "-np", slots, "-c", context, "-t", threads,
                   "--port", str(port), "--cache-ram", "0"]
        return wire.Server(name, command, port).wait()
    binary = arguments.baseline if name == "baseline" else arguments.binary
    command = [binary, "serve", "-m", arguments.model, "--port", "0", "--parallel", slots, "-c", str(arguments.context),
               "-t", threads, *(["--drafter", "none"] if name == "none" else []), *shlex.split(arguments.serve_options)]
    return wire.Server(name, command, variables={"REDRAFTER_KERNELS": arguments.kernels} if arguments.kernels else None).wait()


def turns(servers, number):
    """The servers in the order of a round: each begins in its turn."""
    first = number % len(servers) if servers else 0
    return servers[first:] + servers[:first]


def body(server, prompt, tokens):
    """A request for a chat's first answer."""
    own = {"repeat_penalty": 1.0} if server.name == PEER else {}
    return {"model": server.model, "messages": [{"role": "user", "content": prompt}], "max_tokens": tokens, "stream": True,
            "stream_options": {"include_usage": True}, **SAMPLING, **own}


# ---- One run of a level ------------------------------------------------------------------------------------------


class Run:
    """All prompts, answered to a number of clients."""

    def __init__(self, seconds, client_seconds, exchanges, server):
        answers = [wire.Answer(wire.Response(exchange)) for exchange in exchanges]
        for answer in answers:
            if not answer.is_whole:
                sys.exit(f"error: {server.name} answered {answer.response.status}: {answer.response.bytes[-500:]!r}")
        self.texts = [answer.text for answer in answers]
        self.first = [answer.first for answer in answers if answer.first is not None]
        self.tokens = sum(answer.usage["completion_tokens"] for answer in answers)
        self.prompt_tokens = sum(answer.usage["prompt_tokens"] for answer in answers)
        self.cached_tokens = sum((answer.timings or {}).get("cache_n", 0) for answer in answers)
        self.seconds, self.client_seconds = seconds, client_seconds

    @property
    def speed(self):
        return self.tokens / self.seconds


async def answer_all(server, prompts, clients, tokens):
    """Each client takes the next prompt when its answer has ended."""
    requests = [wire.payload("POST", "/v1/chat/completions", body(server, prompt, tokens)) for prompt in prompts]
    exchanges, waiting = [None] * len(requests), iter(range(len(requests)))

    async def client():
        for number in waiting:
            exchanges[number] = await wire.open_exchange(server.address, requests[number])
            await exchanges[number].done

    started, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client() for _ in range(clients)))
    return Run(time.perf_counter() - started, time.process_time() - used, exchanges, server)
