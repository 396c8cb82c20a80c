"""The requests of soak.py: chats and texts whose answers are known, and the ways in which clients behave."""
import asyncio
import json
import random
import socket
import time

import running

wire = running.wire

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"

# Behaviours with their weights. Those of COMPLETE end with an answer that is compared, or with 429.
COMPLETE = {"whole": 22, "stream": 28, "kept connection": 6, "slow reader": 8, "slow writer": 8}
OTHERS = {"gone before the end of the request": 5, "gone while the prompt is read": 6, "gone in the midst of the answer": 10,
          "malformed body": 8, "wrong route": 4, "look": 4}

TOPICS = ["rivers", "bread", "the moon", "a red bicycle", "winter", "prime numbers", "an old clock", "tea", "volcanoes", "chess"]
SYSTEM = "You are a friendly teacher who explains things to a child. " + " ".join(
    f"Rule {n}: speak about {topic} with short words, and never be unkind." for n, topic in enumerate(TOPICS))

MALFORMED = [
    (CHAT, b"", (400,)), (CHAT, b"{", (400,)), (CHAT, b"[]", (400,)), (CHAT, b"\xff\xfe\x00", (400,)), (CHAT, b"[" * 50_000, (400,)),
    (CHAT, b'{"messages": []}', (400,)), (CHAT, b'{"messages": "x", "max_tokens": 1e999}', (400,)),
    (CHAT, b'{"messages": [{"role": "user", "content": "x"}], "temperature": "hot"}', (400,)),
    (CHAT, b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": -1e30}', (400,)),
    (CHAT, b'{"messages": [{"role": "user", "content": "x"}], "tools": [{}]}', (400,)),
    (CHAT, b'{"messages": [{"role": "user", "content": "x"}], "stop": [""]}', (400,)),
    (TEXT, b'{"prompt": 7, "stream": true}', (400,)), (TEXT, b'{"prompt": "x", "n": 1000000000}', (400,)),
    (TEXT, b'{"prompt": [1, 99999999]}', (400,)), (TEXT, json.dumps({"prompt": "word " * 30_000}).encode(), (400,)),
    (CHAT, b'{"model": "../nobody", "messages": [{"role": "user", "content": "x"}]}', (404,)),
]
ROUTES = [("GET", "/nowhere"), ("POST", "/v1/chat"), ("GET", CHAT), ("DELETE", "/v1/models"), ("GET", "/v1/%2e%2e/%2e%2e/etc/passwd"),
          ("POST", "/v1/embeddings"), ("GET", "//"), ("PUT", TEXT)]


def make_cases(model, drafters, count, seed):
    """Requests, each a path and a body."""
    generator = random.Random(seed)
    cases = []
    for number in range(count):
        topic = generator.choice(TOPICS)
        body = {"model": model, "max_tokens": generator.choice([1, 2, 8, 24, 48, 96])}
        if generator.random() < 0.5:
            body |= {"temperature": generator.choice([0.5, 0.8, 1.2]), "seed": generator.randrange(1 << 32),
                     "top_p": generator.choice([0.8, 0.95, 1])}
        if generator.random() < 0.15:
            body["stop"] = generator.choice([["."], ["\n", "the"]])
        if generator.random() < 0.15:
            body["presence_penalty"] = 0.4
        path = TEXT if number % 5 == 0 else CHAT
        if path == TEXT:
            body["prompt"] = f"This is a story about {topic}. " * generator.choice([1, 1, 4, 40])
            if generator.random() < 0.2:
                body["logprobs"] = 2
        else:
            body["messages"] = conversation(generator, topic)
            if generator.random() < 0.2:
                body |= {"logprobs": True, "top_logprobs": 2}
        cases.append((path, body))
    return [(path, body, speculation(generator, drafters)) for path, body in cases]


def conversation(generator, topic):
    """Some turns of one of a few conversations: what they begin with is the same for many requests."""
    messages = [{"role": "system", "content": SYSTEM}] if generator.random() < 0.6 else []
    for turn in range(generator.randrange(1, 5)):
        messages.append({"role": "user", "content": f"Question {turn + 1}: tell me something about {topic}, please."})
        messages.append({"role": "assistant", "content": f"Number {turn + 1} about {topic}: it is older than you think. " * (turn + 1)})
    return messages[:-1]


def speculation(generator, drafters):
    """Fields that may not change an answer; the reference is asked for without them."""
    if not drafters:
        return {}
    return generator.choice([{}, {"drafter": generator.choice(drafters)}, {"speculation": False},
                             {"speculation": {"max_rows": generator.choice([1, 2, 5, 16])}}])


def outcome(answer):
    """What of an answer has to be the same each time."""
    probabilities = []
    for _, value in answer.steps:
        for choice in value.get("choices", []):
            entries = choice.get("logprobs") or {}
            probabilities += entries.get("content") or entries.get("token_logprobs") or []
    usage = answer.usage or {}
    return {"text": answer.text, "reason": answer.reason, "log-probabilities": probabilities,
            "usage": [usage.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")]}


class Traffic:
    """Clients that behave well or badly; what goes wrong is a line in `violations`."""

    def __init__(self, address, cases, timeout):
        self.address, self.cases, self.timeout = address, cases, timeout
        self.counts, self.violations = {}, []
        # {number of the case: {outcome as JSON: how often}}
        self.answers = {}

    def count(self, behaviour, result):
        self.counts[behaviour, result] = self.counts.get((behaviour, result), 0) + 1

    def violation(self, behaviour, text):
        self.count(behaviour, "VIOLATION")
        self.violations.append(f"{behaviour}: {text}")

    async def client(self, generator, until):
        """One request after another."""
        names = {**COMPLETE, **OTHERS}
        while time.monotonic() < until and len(self.violations) < 50:
            behaviour = generator.choices(list(names), list(names.values()))[0]
            try:
                await self.behave(behaviour, generator)
            except asyncio.TimeoutError:
                self.violation(behaviour, f"no end after {self.timeout} s")
            except (OSError, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
                self.violation(behaviour, f"{type(error).__name__}: {error}")
            await asyncio.sleep(generator.expovariate(20))

    async def behave(self, behaviour, generator):
        if behaviour in COMPLETE:
            await self.complete(behaviour, generator)
        elif behaviour == "malformed body":
            path, body, statuses = generator.choice(MALFORMED)
            response = await wire.send(self.address, "POST", path, body, timeout=self.timeout)
            self.expect_error(behaviour, response, statuses, body)
        elif behaviour == "wrong route":
            method, path = generator.choice(ROUTES)
            response = await wire.send(self.address, method, path, b"{}" if method == "POST" else None, timeout=self.timeout)
            self.expect_error(behaviour, response, (400, 404, 405), path)
        elif behaviour == "look":
            path = generator.choice(["/health", "/v1/models", "/metrics"])
            response = await wire.send(self.address, "GET", path, timeout=self.timeout)
            if response.status != 200 or not response.is_complete:
                self.violation(behaviour, f"{path} answered {response.status}")
            else:
                self.count(behaviour, "200")
        else:
            await self.leave(behaviour, generator)

    def expect_error(self, behaviour, response, statuses, what):
        if response.status not in (*statuses, 413) or not response.is_complete:
            return self.violation(behaviour, f"{what[:80]!r} was answered with {response.status}: {response.bytes[:200]!r}")
        error = response.json["error"]
        if sorted(error) != ["code", "message", "param", "type"]:
            return self.violation(behaviour, f"an error of another shape: {error}")
        self.count(behaviour, str(response.status))

    # ---- Clients that want an answer

    def request(self, generator, is_stream, **headers):
        number = generator.randrange(len(self.cases))
        path, body, extra = self.cases[number]
        if is_stream:
            extra = extra | {"stream": True, "stream_options": {"include_usage": True}}
        return number, wire.payload("POST", path, body | extra, headers)

    async def complete(self, behaviour, generator):
        is_stream = behaviour == "stream" or behaviour != "whole" and generator.random() < 0.6
        if behaviour == "kept connection":
            return await self.keep(behaviour, generator)
        number, data = self.request(generator, is_stream)
        if behaviour == "slow writer":
            exchange = await wire.open_exchange(self.address, None)
            await self.write_slowly(exchange, data, generator)
        elif behaviour == "slow reader":
            exchange = await self.open_narrow(data)
            await self.read_slowly(exchange, generator)
        else:
            exchange = await wire.open_exchange(self.address, data)
        await self.check(behaviour, number, exchange, generator)

    async def keep(self, behaviour, generator):
        """Several requests on one connection, one after the other."""
        number, data = self.request(generator, generator.random() < 0.5, Connection="keep-alive")
        exchange = await wire.open_exchange(self.address, data, keeps=True)
        await self.check(behaviour, number, exchange, generator)
        for _ in range(generator.randrange(1, 4)):
            if exchange.transport.is_closing():
                return self.violation(behaviour, "the server has closed the connection")
            number, data = self.request(generator, generator.random() < 0.5, Connection="keep-alive")
            exchange.send_another(data)
            await self.check(behaviour, number, exchange, generator)
        exchange.transport.close()

    async def check(self, behaviour, number, exchange, generator):
        """Waits for the end of a response; it is a whole answer or says that the queue is full."""
        try:
            await asyncio.wait_for(exchange.done, self.timeout)
        except asyncio.TimeoutError:
            exchange.abort()
            raise
        response = wire.Response(exchange)
        if response.status == 429:
            if not response.headers.get("retry-after", "").isdecimal():
                return self.violation(behaviour, "429 without Retry-After")
            self.expect_error(behaviour, response, (429,), "")
            return await asyncio.sleep(generator.random())
        answer = wire.Answer(response)
        if not answer.is_whole:
            return self.violation(behaviour, f"request {number} was answered with {response.status}, "
                                  f"finish reason {answer.reason}, error {answer.error}: …{response.bytes[-200:]!r}")
        self.count(behaviour, "200")
        seen = self.answers.setdefault(number, {})
        key = json.dumps(outcome(answer))
        seen[key] = seen.get(key, 0) + 1

    async def write_slowly(self, exchange, data, generator):
        """The request in up to ten pieces, over two seconds at most."""
        cuts = sorted(generator.randrange(1, len(data)) for _ in range(generator.randrange(1, 10)))
        for begin, end in zip([0, *cuts], [*cuts, len(data)]):
            if exchange.done.done():
                return
            exchange.transport.write(data[begin:end])
            await asyncio.sleep(generator.random() * 0.2)

    async def open_narrow(self, data):
        """A connection whose receiving side holds little, so that the server feels a slow reader."""
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        narrow.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(narrow, self.address)
        _, exchange = await loop.create_connection(lambda: wire.Exchange(data), sock=narrow)
        return exchange

    async def read_slowly(self, exchange, generator):
        for _ in range(generator.randrange(1, 12)):
            if exchange.done.done():
                return
            exchange.transport.pause_reading()
            await asyncio.sleep(generator.random() * 0.5)
            if not exchange.transport.is_closing():
                exchange.transport.resume_reading()
            await asyncio.sleep(generator.random() * 0.05)

    # ---- Clients that leave

    async def leave(self, behaviour, generator):
        _, data = self.request(generator, generator.random() < 0.7)
        if behaviour == "gone before the end of the request":
            exchange = await wire.open_exchange(self.address, data[:generator.randrange(len(data))])
            await asyncio.sleep(generator.random() * 0.3)
        elif behaviour == "gone while the prompt is read":
            words = " ".join(generator.choice(TOPICS) for _ in range(generator.randrange(50, 600)))
            data = wire.payload("POST", TEXT, {"prompt": words, "max_tokens": 200, "stream": generator.random() < 0.5})
            exchange = await wire.open_exchange(self.address, data)
            await asyncio.sleep(generator.random() * 0.1)
        else:
            data = wire.payload("POST", TEXT, {"prompt": "A very long story:", "max_tokens": 1000, "stream": True})
            exchange = await wire.open_exchange(self.address, data)
            wanted, deadline = generator.randrange(2, 30), time.monotonic() + self.timeout
            while len(exchange.parts) < wanted and not exchange.done.done():
                if time.monotonic() > deadline:
                    exchange.abort()
                    raise asyncio.TimeoutError
                await asyncio.sleep(0.01)
        if generator.random() < 0.5:
            exchange.abort()
        else:
            exchange.transport.close()
        self.count(behaviour, "left")

    async def stall(self, behaviour, data, deadline, limit):
        """A client that begins a request and then sends a byte again and again, at least six until the server's deadline: the server
        ends the connection, but not before the deadline."""
        exchange = await wire.open_exchange(self.address, data)
        began = time.monotonic()
        while not exchange.done.done() and time.monotonic() < began + limit:
            await asyncio.wait([exchange.done], timeout=min(5, deadline / 6))
            if not exchange.transport.is_closing():
                exchange.transport.write(b"x")
        took = time.monotonic() - began
        if not exchange.done.done():
            exchange.abort()
            self.violation(behaviour, f"the connection was open after {limit} s")
        elif took < 0.9 * deadline:
            self.violation(behaviour, f"the connection was ended after {took:.1f} s, before its deadline of {deadline} s")
        else:
            self.count(behaviour, "ended by the server")
