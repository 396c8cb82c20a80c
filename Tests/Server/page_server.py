"""A server that gives the page of `redrafter serve` and answers it in the same format, well or badly as a test asks."""

import base64
import hashlib
import json
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MODEL = "SmolLM2-135M-Instruct-Q4_1"
PAGE = Path(__file__).resolve().parents[2] / "Sources/CServerPage/page.html"
POLICY = "Content-Security-Policy: "

TEXT = """Sunlight holds **all colours**. Air scatters *short* waves more than long ones, as `1/λ⁴` says – naïve, but true 🌈.

1. Blue light is scattered.
2. It reaches the eye from all sides.

```python
def scatter(wave):
    return 1 / wave ** 4  # <b>not bold</b>
```

<img src=x onerror="alert(1)"> is text.
"""


def policy():
    """The policy that the first line of the page asks for."""
    first = PAGE.read_text(encoding="utf-8").split("\n", 1)[0]
    assert first.startswith("<!-- " + POLICY) and first.endswith(" -->"), first
    return first[len("<!-- " + POLICY):-len(" -->")]


def policy_of_contents():
    """The policy for the page as it is: only this style and this script, requests to this server alone."""
    page = PAGE.read_text(encoding="utf-8")

    def sha(tag):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.S)
        return "'sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() + "'"

    return "; ".join([
        "default-src 'none'", "script-src " + sha("script"), "style-src " + sha("style"), "img-src data:", "connect-src 'self'",
        "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"])


def write_policy():
    lines = PAGE.read_text(encoding="utf-8").split("\n")
    lines[0] = f"<!-- {POLICY}{policy_of_contents()} -->"
    PAGE.write_text("\n".join(lines), encoding="utf-8")


def pieces(text, length=3):
    """Pieces of a text, grouped as passes of one to four tokens; the last token of a pass is the model's own."""
    tokens = [text[i:i + length] for i in range(0, len(text), length)]
    passes, step = [], 0
    while tokens:
        step += 1
        width = 1 + (step * 7) % 4
        taken, tokens = tokens[:width], tokens[width:]
        passes.append([{"text": t, "drafted": i + 1 < len(taken)} for i, t in enumerate(taken)])
    return passes


class PageServer:
    """`mode` says what a request for an answer gets; what was asked is kept in `requests`."""

    def __init__(self):
        self.text, self.delay, self.key = TEXT, 0.004, None
        self.mode, self.status, self.headers = "answer", 500, {}
        self.error = {"message": "16 requests are waiting already.", "type": "server_error", "param": None, "code": None}
        self.requests, self.gone = [], threading.Event()
        self.loads = 0  # how often /v1/models still answers that the model is being loaded

        class Handler(AnswerHandler):
            owner = self

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class AnswerHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def reply(self, status, body, kind="application/json", headers={}):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(data))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def is_refused(self):
        if self.owner.key is None or self.headers.get("Authorization") == "Bearer " + self.owner.key:
            return False
        self.reply(401, {"error": {"message": "The API key is missing or wrong.", "type": "invalid_request_error",
                                   "param": None, "code": "invalid_api_key"}})
        return True

    def do_GET(self):
        if self.path == "/":
            self.reply(200, PAGE.read_bytes(), "text/html; charset=utf-8", {
                "Content-Security-Policy": policy(), "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"})
        elif self.path == "/v1/models":
            if self.owner.loads:
                self.owner.loads -= 1
                self.reply(503, {"error": {"message": "Loading model", "type": "unavailable_error"}})
            elif not self.is_refused():
                meta = {"n_ctx": 2048, "n_vocab": 49152, "slots": 8, "drafters": ["rnn+lookup", "rnn", "lookup", "none"]}
                self.reply(200, {"object": "list", "data": [
                    {"id": MODEL, "object": "model", "created": 1, "owned_by": "redrafter", "meta": meta}]})
        else:
            self.reply(404, {"error": {"message": "Not found", "type": "invalid_request_error"}})

    def do_POST(self):
        owner = self.owner
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        owner.requests.append((self.path, dict(self.headers), body))
        if self.is_refused():
            return
        if owner.mode == "gone":
            self.close_connection = True
        elif owner.mode == "refuse":
            self.reply(owner.status, {"error": owner.error}, headers=owner.headers)
        elif owner.mode == "odd":
            self.reply(502, b"<h1>Bad gateway</h1>", "text/html")
        else:
            try:
                self.stream(owner, body)
            except OSError:
                owner.gone.set()
                self.close_connection = True

    def stream(self, owner, request):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        # CRLF and CR come a byte at a time, so that every boundary is met, with comments and other fields between.
        mode, ends = owner.mode, {"CRLF": "\r\n", "CR": "\r"}.get(owner.mode, "\n")
        is_cut_up = ends != "\n"

        def send(data):
            for part in [data[i:i + 1] for i in range(len(data))] if is_cut_up else [data]:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()

        def event(data):
            data = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
            noise = ": ping" + ends + "event: message" + ends + "id" + ends if is_cut_up else ""
            send((noise + "data: " + data + ends + ends).encode())

        def chunk(delta, finish=None, **more):
            event({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                   "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]} | more)

        none = {"pieces": [], "tokens": 0, "rows": 0, "own_rows": 0, "texts": 0}
        chunk({"role": "assistant", "content": ""}, redrafter=none)
        passes, start, drafted, tokens = pieces(owner.text), time.monotonic(), 0, 0
        half = len(passes) // 2
        while True:
            for index, parts in enumerate(passes):
                if index == half and mode in ("error", "end", "cut"):
                    break
                time.sleep(owner.delay)
                chunk({"content": "".join(p["text"] for p in parts)}, redrafter={
                    "pieces": parts, "tokens": len(parts), "rows": 12 + index % 5, "own_rows": 6, "texts": 3})
                tokens, drafted = tokens + len(parts), drafted + len(parts) - 1
            if mode != "hold":
                break
        if mode == "error":
            event({"error": {"message": "The model made a number that is not finite.", "type": "server_error", "param": None, "code": None}})
        elif mode == "cut":
            send(b'data: {"choices":[{"delta":{"content":"never shown')
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        elif mode != "end":
            milliseconds = 1000 * (time.monotonic() - start)
            chunk({}, "length" if request.get("max_tokens") == 1 else "stop", redrafter=none, timings={
                "cache_n": 12, "prompt_n": 23, "prompt_ms": 48.5, "prompt_per_token_ms": 2.1, "prompt_per_second": 474.2,
                "predicted_n": tokens, "predicted_ms": milliseconds, "predicted_per_token_ms": milliseconds / tokens,
                "predicted_per_second": 1000 * tokens / milliseconds, "draft_n": 3 * drafted, "draft_n_accepted": drafted})
            if (request.get("stream_options") or {}).get("include_usage"):
                event({"choices": [], "usage": {"prompt_tokens": 35, "completion_tokens": tokens, "total_tokens": 35 + tokens,
                                                "prompt_tokens_details": {"cached_tokens": 12}}})
            event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")
