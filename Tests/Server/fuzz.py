#!/usr/bin/env python3
"""Mutations of valid bodies: each is answered with a success or an error in OpenAI's shape, all of it valid JSON, and the server lives.

  fuzz.py [--seconds 60] [--seed 1] [--binary .build-server/release/redrafter]
  fuzz.py --seed 1 --only 4711     # one of them again

Exit status 1 on any violation.
"""
import argparse
import asyncio
import copy
import json
import random
import sys
import time

import running

wire = running.wire

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello 😀\n\t\"you\"."}]
SEEDS = [
    ("/v1/chat/completions", {"messages": MESSAGES, "max_tokens": 2}),
    ("/v1/chat/completions", {"messages": MESSAGES, "max_tokens": 3, "stream": True, "stream_options": {"include_usage": True}, "n": 2}),
    ("/v1/chat/completions", {"messages": MESSAGES, "max_completion_tokens": 2, "temperature": 0.8, "seed": 5, "top_p": 0.9, "top_k": 9,
                              "min_p": 0.1, "presence_penalty": 0.1, "frequency_penalty": -0.1, "stop": ["a", "b"], "user": "u",
                              "logprobs": True, "top_logprobs": 2, "logit_bias": {"5": -1}, "stream": False}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}], "max_tokens": 1,
                              "drafter": "none", "speculation": {"max_rows": 2}, "response_format": {"type": "text"}}),
    ("/v1/completions", {"prompt": "Once", "max_tokens": 2, "logprobs": 1, "stop": "x", "stream": True, "speculation": True}),
    ("/v1/completions", {"prompt": [1, 2, 3], "max_tokens": 2, "echo": False, "n": 1, "best_of": 1, "suffix": None}),
    ("/tokenize", {"content": "Hello <|im_end|> 😀", "add_special": True, "parse_special": False, "with_pieces": True}),
    ("/detokenize", {"tokens": [1, 2, 300]}),
]
VALUES = [None, True, False, 0, 1, -1, 2**31, 2**53 + 1, 2**63, -2**63, 10**40, 0.5, -0.0, 1e308, 1e-320, "", "x", "\0", "\ud800", "é" * 300,
          "word " * 3000, [], {}, [[]], [None], [1] * 5000, {"type": "text"}, "none", "<|im_start|>", [{"role": "user", "content": "x"}]]
SNIPPETS = [b"null", b"NaN", b"1e999", b"-", b"\\u0000", b"\\ud800", b'"', b"{", b"}", b"[" * 2000, b"]", b",", b":", b"\xff", b"\xef\xbb\xbf",
            b"\0", b"/*x*/", b"\\", b'"model":"x",', b"0x10", b"01", b"Infinity", b'"stream":true,', b'"n":3,', b" " * 5000]


def places(value, path=()):
    """The paths of all values inside a value."""
    result = [path] if path else []
    if isinstance(value, dict):
        for key in value:
            result += places(value[key], (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            result += places(item, (*path, number))
    return result


def mutate_value(body, generator):
    """One value is replaced, left out, wrapped, or put under another name."""
    found = places(body)
    if not found:
        return
    *way, last = generator.choice(found)
    place = body
    for key in way:
        place = place[key]
    kind = generator.randrange(5)
    if kind == 0:
        del place[last]
    elif kind == 1:
        place[last] = [place[last]] if generator.random() < 0.5 else {"content": place[last]}
    elif kind == 2 and isinstance(place, dict):
        place[generator.choice(["tools", "functions", "x", "", last + "s", "n", "seed", "prompt", "stop"])] = place[last]
    elif kind == 3 and isinstance(place, list):
        place[last:last] = [copy.deepcopy(place[last])] * generator.choice([1, 2, 200])
    else:
        place[last] = copy.deepcopy(generator.choice(VALUES))


def mutate_bytes(data, generator):
    data = bytearray(data)
    for _ in range(generator.choice([1, 1, 2, 8])):
        at = generator.randrange(len(data) + 1)
        kind = generator.randrange(5)
        if kind == 0 and at < len(data):
            data[at] = generator.randrange(256)
        elif kind == 1:
            del data[at:at + generator.randrange(1, 9)]
        elif kind == 2:
            data[at:at] = generator.choice(SNIPPETS)
        elif kind == 3:
            begin = generator.randrange(len(data) + 1)
            data[at:at] = data[begin:begin + generator.randrange(40)]
        else:
            data = data[:at] if generator.random() < 0.3 else data
    return bytes(data)


def make(seed, number):
    """The path and the body of a number."""
    generator = random.Random(f"{seed}/{number}")
    path, body = generator.choice(SEEDS)
    body = copy.deepcopy(body)
    for _ in range(generator.choice([0, 1, 1, 2, 4])):
        mutate_value(body, generator)
    data = json.dumps(body, ensure_ascii=generator.random() < 0.5).encode("utf-8", "surrogatepass")
    return path, mutate_bytes(data, generator) if generator.random() < 0.5 else data


def strict(data):
    """JSON without the extensions that Python reads."""
    def refuse(name):
        raise ValueError(f"{name} is no JSON")
    return json.loads(data.decode("utf-8"), parse_constant=refuse)


def complaint(response, path):
    """What is wrong with a response, or None."""
    if response.status is None or not response.is_complete:
        return "the response has no end"
    if response.status == 200 and response.headers.get("content-type", "").startswith("text/event-stream"):
        events = [line[6:] for line in response.bytes.split(b"\n") if line.startswith(b"data: ")]
        values = [strict(event) for event in events if event != b"[DONE]"]
        failed = any("error" in value for value in values)
        return None if failed != (events[-1:] == [b"[DONE]"]) else "a stream with an error and [DONE], or with neither"
    value = strict(response.bytes)
    if response.status == 200:
        member = {"/tokenize": "tokens", "/detokenize": "content"}.get(path, "choices")
        return None if member in value else f"a success without {member}"
    if not 400 <= response.status < 500:
        return f"status {response.status}"
    error = value["error"]
    fits = sorted(error) == ["code", "message", "param", "type"] and isinstance(error["message"], str) and error["message"]
    return None if fits else "an error of another shape"


class Fuzzer:
    def __init__(self, server, arguments):
        self.server, self.arguments = server, arguments
        self.next, self.counts, self.violations = 0, {}, []

    def violation(self, number, text, path, body):
        self.violations.append(f"--seed {self.arguments.seed} --only {number}: {text}\n  {path} {body[:300]!r}")

    async def one(self, number):
        path, body = make(self.arguments.seed, number)
        exchange = await wire.open_exchange(self.server.address, wire.payload("POST", path, body))
        result = None
        try:
            await asyncio.wait_for(exchange.done, 5)
        except asyncio.TimeoutError:
            # A body without a limit may be answered for long. Where nothing is being generated, it hangs.
            values = wire.metrics((await wire.send(self.server.address, "GET", "/metrics")).bytes.decode())
            if values["redrafter:num_requests_running"] + values["redrafter:num_requests_waiting"] == 0 and not exchange.done.done():
                self.violation(number, "no answer after 5 s", path, body)
            exchange.abort()
            result = "left"
        if result is None:
            response = wire.Response(exchange)
            try:
                wrong = complaint(response, path)
            except (ValueError, KeyError, TypeError) as error:
                wrong = f"{type(error).__name__}: {error}"
            if wrong:
                self.violation(number, f"{wrong}; {response.status} {response.bytes[:300]!r}", path, body)
            result = str(response.status)
        self.counts[path, result] = self.counts.get((path, result), 0) + 1

    async def client(self, until):
        while time.monotonic() < until and len(self.violations) < 20:
            number = self.next
            self.next += 1
            try:
                await self.one(number)
            except OSError as error:
                self.violation(number, f"the server is gone: {error}", *make(self.arguments.seed, number))
                return

    async def run(self):
        if self.arguments.only is not None:
            path, body = make(self.arguments.seed, self.arguments.only)
            print(f"{path} {body!r}")
            return await self.one(self.arguments.only)
        until = time.monotonic() + self.arguments.seconds
        await asyncio.gather(*(self.client(until) for _ in range(4)))
        await asyncio.sleep(1)
        values = wire.metrics((await wire.send(self.server.address, "GET", "/metrics")).bytes.decode())
        if values["redrafter:num_requests_running"] or values["redrafter:num_requests_waiting"]:
            self.violations.append("requests still run or wait a second after all clients have left")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one mutation")
    parser.add_argument("--binary", default=running.binary())
    parser.add_argument("--model", default=running.model())
    arguments = parser.parse_args()
    command = [arguments.binary, "serve", "-m", arguments.model, "--port", "0", "-c", "512", "--parallel", "4"]
    server = wire.Server("redrafter", command).wait()
    fuzzer = Fuzzer(server, arguments)
    try:
        asyncio.run(fuzzer.run())
    except OSError as error:
        fuzzer.violations.append(f"the server is gone: {error}")
    status = server.stop()
    if status != 0:
        fuzzer.violations.append(f"the server ended with status {status}:\n" + "\n".join(server.lines[-10:]))
    for (path, result), count in sorted(fuzzer.counts.items()):
        print(f"{path:24} {result}: {count}")
    print("\n".join(fuzzer.violations))
    print(f"{fuzzer.next} bodies, {len(fuzzer.violations)} violations")
    return 1 if fuzzer.violations else 0


if __name__ == "__main__":
    sys.exit(main())
