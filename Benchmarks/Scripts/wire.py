"""What the scripts share that talk to a server: a small HTTP client that costs little while it is timed, and servers as processes."""
import asyncio
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

# ---- One exchange ------------------------------------------------------------------------------------------------


class Exchange(asyncio.Protocol):
    """One request on a connection of its own. What comes back is kept with its times and read later: nothing is parsed while
    others are timed."""

    def __init__(self, payload, keeps=False):
        self.payload = payload
        # The connection stays open for another request.
        self.keeps = keeps
        self.transport = None
        self.expect()

    def expect(self):
        self.parts = []
        self.sent = time.perf_counter()
        self.is_chunked = False
        self.missing = None
        self.head, self.tail = b"", b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        self.sent = time.perf_counter()
        if self.payload:
            transport.write(self.payload)

    def send_another(self, payload):
        """The next request on the same connection."""
        self.expect()
        self.transport.write(payload)

    def data_received(self, data):
        self.parts.append((time.perf_counter(), data))
        if self.head is not None:
            data = self.read_head(data)
            if data is None:
                return
        if self.missing is not None:
            self.missing -= len(data)
        # Each chunk of a stream of events ends with an empty line, so that only the end of the body looks like this.
        self.tail = (self.tail + data)[-5:]
        if self.missing == 0 or self.is_chunked and self.tail == b"0\r\n\r\n":
            self.finish()

    def read_head(self, data):
        """What is of the body already, or None until the head is complete."""
        self.head += data
        while (end := self.head.find(b"\r\n\r\n")) >= 0:
            lines, rest = self.head[:end].lower(), self.head[end + 4:]
            if not lines.startswith(b"http/1.1 100"):
                self.is_chunked = b"transfer-encoding: chunked" in lines
                length = re.search(rb"\r\ncontent-length: *(\d+)", lines)
                self.missing = int(length[1]) if length else None
                self.head = None
                return rest
            self.head = rest
        return None

    def connection_lost(self, error):
        self.finish()

    def finish(self):
        if not self.done.done():
            self.done.set_result(None)
        if not self.keeps:
            self.transport.close()

    def abort(self):
        """Ends the connection with a reset."""
        connection = self.transport.get_extra_info("socket")
        if connection is not None and not self.transport.is_closing():
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


def payload(method, path, body=None, headers=None):
    """The bytes of a request."""
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = {"Host": "127.0.0.1", "Connection": "close"}
    if body is not None:
        lines |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines |= headers or {}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + (body or b"")


async def open_exchange(address, data, keeps=False):
    _, exchange = await asyncio.get_running_loop().create_connection(lambda: Exchange(data, keeps), *address)
    return exchange


async def send(address, method, path, body=None, headers=None, timeout=300):
    """One request and its whole response."""
    exchange = await open_exchange(address, payload(method, path, body, headers))
    try:
        await asyncio.wait_for(exchange.done, timeout)
    except asyncio.TimeoutError:
        exchange.abort()
        raise
    return Response(exchange)


# ---- What came back ----------------------------------------------------------------------------------------------


class Response:
    """A response as far as it came. `body` has its pieces with their times; `is_complete` says whether all of it came."""

    def __init__(self, exchange):
        self.sent = exchange.sent
        self.status, self.headers, self.body, self.is_complete = None, {}, [], False
        rest, length = b"", 0
        for moment, data in exchange.parts:
            rest += data
            while self.status is None and (end := rest.find(b"\r\n\r\n")) >= 0:
                lines = rest[:end].decode("latin-1").split("\r\n")
                rest = rest[end + 4:]
                status = int(lines[0].split(" ")[1])
                if status != 100:
                    self.status = status
                    self.headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
            if self.status is None:
                continue
            if self.headers.get("transfer-encoding", "").lower() == "chunked":
                rest = self.take_chunks(moment, rest)
            else:
                self.body.append((moment, rest))
                length += len(rest)
                rest = b""
        if self.status is not None and "transfer-encoding" not in self.headers:
            self.is_complete = length == int(self.headers.get("content-length", length))

    def take_chunks(self, moment, rest):
        while not self.is_complete and (end := rest.find(b"\r\n")) >= 0:
            size = int(rest[:end].split(b";")[0], 16)
            if size == 0:
                self.is_complete = True
                return b""
            if len(rest) < end + size + 4:
                break
            self.body.append((moment, rest[end + 2:end + 2 + size]))
            rest = rest[end + size + 4:]
        return rest

    @property
    def bytes(self):
        return b"".join(data for _, data in self.body)

    @property
    def json(self):
        return json.loads(self.bytes)

    def events(self):
        """The data of server-sent events with their times; the last one is `[DONE]` where the server says so."""
        result, rest = [], b""
        for moment, data in self.body:
            rest += data.replace(b"\r\n", b"\n")
            *events, rest = rest.split(b"\n\n")
            for event in events:
                for line in event.split(b"\n"):
                    if line.startswith(b"data:"):
                        text = line[5:].strip().decode()
                        result.append((moment, text if text == "[DONE]" else json.loads(text)))
        return result


class Answer:
    """The first choice of a streamed or whole answer."""

    def __init__(self, response):
        self.response = response
        self.text, self.reason, self.usage, self.timings, self.error = "", None, None, None, None
        # Seconds from the request to the first text, and the times of all pieces of text.
        self.first, self.moments = None, []
        # All that came, with the times.
        self.steps = []
        is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
        self.is_done = not is_stream and response.is_complete
        values = response.events() if is_stream else [(response.body[-1][0], response.json)] if response.bytes else []
        for moment, value in values:
            if value == "[DONE]":
                self.is_done = True
            else:
                self.add(moment, value)

    def add(self, moment, value):
        self.steps.append((moment, value))
        self.error = value.get("error") or self.error
        self.usage = value.get("usage") or self.usage
        self.timings = value.get("timings") or self.timings
        for choice in value.get("choices", [])[:1]:
            part = choice.get("delta") or choice.get("message") or {}
            text = part.get("content") or choice.get("text") or ""
            self.reason = choice.get("finish_reason") or self.reason
            if text:
                self.first = self.first if self.first is not None else moment - self.response.sent
                self.moments.append(moment)
                self.text += text

    @property
    def is_whole(self):
        return self.response.status == 200 and self.is_done and self.error is None and self.reason is not None


# ---- Servers -----------------------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server as a process. One that says `listening on http://ADDRESS:PORT` needs no `port`."""

    def __init__(self, name, command, port=None, variables=None):
        self.name, self.command = name, command
        self.address = ("127.0.0.1", port) if port else None
        self.lines = []
        self.model = None
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
            env={**os.environ, **(variables or {})})
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))
            found = re.search(r"listening on (http://[^\s,]+)", line)
            if found and not self.address:
                url = urllib.parse.urlsplit(found[1])
                self.address = (url.hostname, url.port)

    def wait(self, seconds=120):
        """Waits until it has loaded its model."""
        self.wait_until_healthy(seconds)
        self.model = self.get("/v1/models").json["data"][0]["id"]
        return self

    def wait_until_healthy(self, seconds=120):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.reader.join(5)
                sys.exit(f"error: {self.name} ended with {self.process.returncode}:\n" + "\n".join(self.lines[-10:]))
            if self.address and self.is_healthy():
                return self
            time.sleep(0.1)
        self.stop()
        sys.exit(f"error: {self.name} was not ready after {seconds} s:\n" + "\n".join(self.lines[-10:]))

    def get(self, path):
        return asyncio.run(send(self.address, "GET", path, timeout=20))

    def is_healthy(self):
        try:
            return self.get("/health").status == 200
        except (OSError, asyncio.TimeoutError):
            return False

    def stop(self, seconds=20):
        """Asks it to end, and kills it where it does not; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def memory(self):
        """Megabytes (10^6 bytes) of the process by the names that Linux has for them: VmRSS, VmHWM, RssAnon, RssFile."""
        with open(f"/proc/{self.process.pid}/status") as file:
            fields = dict(line.split(":", 1) for line in file)
        return {name: int(fields[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM", "RssAnon", "RssFile")}

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def processor_seconds(self):
        """Seconds of processor time by name of thread; threads that ended are left out."""
        folder, tick, result = f"/proc/{self.process.pid}/task", os.sysconf("SC_CLK_TCK"), {}
        for thread in os.listdir(folder):
            try:
                with open(f"{folder}/{thread}/stat") as file:
                    name, _, rest = file.read().partition("(")[2].rpartition(")")
            except OSError:
                continue
            fields = rest.split()
            name = re.sub(r"[-#\d]+$", "", name)
            result[name] = result.get(name, 0) + (int(fields[11]) + int(fields[12])) / tick
        return result


def metrics(text):
    """{name with labels: value} of Prometheus text."""
    return {name: float(value) for name, _, value in
            (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))}
