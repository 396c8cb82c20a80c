"""A server to test, and clients of it that do not keep to the rules. Python's standard library alone."""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

import running

BINARY, MODEL = running.binary(), running.model()
CHAT = "/v1/chat/completions"


class Server:
    """A running `redrafter serve`; its stderr is kept."""

    def __init__(self, *arguments, environment=None, prefix=(), waits=True, port=0):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [*prefix, BINARY, "serve", "-m", MODEL, "--port", str(port), *arguments],
            stderr=self.log, stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})},
        )
        self.port = None
        deadline = time.monotonic() + 60
        while self.port is None and self.process.poll() is None and time.monotonic() < deadline:
            found = re.search(r"listening on http://\S*?:(\d+),", self.stderr())
            self.port = int(found.group(1)) if found else None
            time.sleep(0.02)
        while waits and self.process.poll() is None and time.monotonic() < deadline:
            if "\nserving " in "\n" + self.stderr():
                break
            time.sleep(0.02)

    def stderr(self):
        # The child shares the file's position: it must not be moved.
        size = os.fstat(self.log.fileno()).st_size
        return os.pread(self.log.fileno(), size, 0).decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()

    def stop(self, within=10, signal_number=signal.SIGTERM):
        """Ends the server, and gives its exit code."""
        self.process.send_signal(signal_number)
        return self.process.wait(within)

    def connect(self, timeout=40):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def send(self, data, timeout=40):
        """Sends bytes, and gives all that comes until the server closes."""
        with self.connect(timeout) as connection:
            try:
                connection.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass
            return read_all(connection)

    def ask(self, method, path, body=None, headers=None, timeout=60):
        """One request on a connection of its own: status, fields, body."""
        answer = self.send(request(method, path, body, {"Connection": "close", **(headers or {})}), timeout)
        return Answer(answer)

    def chat(self, timeout=60, headers=None, **fields):
        fields.setdefault("messages", [{"role": "user", "content": "Name three rivers."}])
        fields.setdefault("max_tokens", 8)
        return self.ask("POST", CHAT, fields, headers, timeout)

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory(self):
        """Resident bytes."""
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def metric(self, name):
        for line in self.ask("GET", "/metrics").body.decode().splitlines():
            if line.startswith(f"redrafter:{name} "):
                return float(line.split()[1])
        raise KeyError(name)


class Answer:
    def __init__(self, data):
        self.data = data
        head, _, self.raw = data.partition(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head, _, self.raw = self.raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0].startswith("HTTP/1.") else None
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.fields[name.lower()] = value.strip()
        chunked = self.fields.get("transfer-encoding") == "chunked"
        self.body = dechunked(self.raw) if chunked else self.raw

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    @property
    def events(self):
        return [line[6:] for line in self.body.decode().split("\n") if line.startswith("data: ")]

    @property
    def text(self):
        return self.json["choices"][0]["message"]["content"]


def dechunked(data):
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        count = int(size, 16)
        if count == 0:
            return body
        body, data = body + data[:count], data[count + 2 :]
    raise ValueError("the chunks have no end")


def request(method, path, body=None, headers=None):
    fields = {"Host": "localhost", **(headers or {})}
    data = b""
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        if "Transfer-Encoding" not in fields:
            fields.setdefault("Content-Length", str(len(data)))
    lines = [f"{method} {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + data


def read_all(connection):
    data = b""
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            return data
        if not part:
            return data
        data += part


def read_until(connection, mark):
    data = b""
    while mark not in data:
        part = connection.recv(4096)
        if not part:
            break
        data += part
    return data


def eventually(condition, within=5.0):
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def together(count, body):
    """Runs a function many times at once, and gives what it gave."""
    results = [None] * count

    def run(index):
        results[index] = body(index)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
