"""`curl` against a running server: routes, headers, limits, and requests that are wrong."""
import json
import os
import subprocess
import tempfile
import unittest

import running

CHAT = "/v1/chat/completions"


def curl(*arguments, body=None):
    """(status, headers, body) of curl's last response; status 0 where there is none."""
    with tempfile.NamedTemporaryFile() as file:
        command = ["curl", "--silent", "--max-time", "60", "--dump-header", "-", "--output", file.name, "--write-out", "\n%{http_code}",
                   *arguments]
        done = subprocess.run(command + (["--data-binary", "@-"] if body is not None else []), input=body or b"", stdout=subprocess.PIPE)
        file.seek(0)
        content = file.read()
    head, _, status = done.stdout.decode("latin-1").rpartition("\n")
    blocks = [block for block in head.replace("\r\n", "\n").split("\n\n") if block.strip()]
    headers = {}
    if blocks:
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in blocks[-1].strip().split("\n")[1:])}
    return int(status), headers, content


class CurlTests(running.ServerTests):
    def url(self, path):
        return self.server.url + path

    def post(self, value, *arguments, path=CHAT, kind="application/json"):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return curl(self.url(path), "--header", f"Content-Type: {kind}", *arguments, body=body)

    def question(self, **fields):
        return {"model": self.server.model, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8} | fields

    def refuses(self, response, *statuses):
        """An error in OpenAI's shape."""
        status, headers, body = response
        self.assertIn(status, statuses, body[:500])
        if self.server.is_own:
            self.assertTrue(headers["content-type"].startswith("application/json"))
            error = json.loads(body)["error"]
            self.assertEqual(sorted(error), ["code", "message", "param", "type"])
            self.assertTrue(error["message"])
            return error


class RouteTests(CurlTests):
    def test_health_models_and_metrics(self):
        status, _, body = curl(self.url("/health"))
        self.assertEqual((status, json.loads(body)), (200, {"status": "ok"}))
        status, headers, body = curl(self.url("/v1/models"))
        self.assertEqual((status, json.loads(body)["object"]), (200, "list"))
        self.assertTrue(headers["content-type"].startswith("application/json"))
        if self.server.is_own:
            status, headers, body = curl(self.url("/metrics"))
            self.assertEqual(status, 200)
            self.assertTrue(headers["content-type"].startswith("text/plain"))
            values = running.wire.metrics(body.decode())
            for name in ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc", "prompt_tokens_total",
                         "generation_tokens_total", "spec_decode_num_draft_tokens_total", "spec_decode_num_accepted_tokens_total",
                         "time_to_first_token_seconds_count", "e2e_request_latency_seconds_sum", "passes_total", "rows_total",
                         "draft_seconds_total", "verify_seconds_total", "other_seconds_total", "rows_per_pass_count"):
                self.assertIn(f"redrafter:{name}", values)
            for line in body.decode().splitlines():
                self.assertRegex(line, r'^(# (HELP|TYPE) redrafter:\w+ .+|redrafter:\w+(\{[^{}]*\})? [-+0-9.eEInfNa]+)$')

    def test_histograms_rise_and_end_with_their_count(self):
        if not self.server.is_own:
            self.skipTest("only redrafter promises this")
        self.post(self.question())
        values = running.wire.metrics(curl(self.url("/metrics"))[2].decode())
        for name in {key.split("_bucket{")[0] for key in values if "_bucket{" in key}:
            counts = [value for key, value in values.items() if key.startswith(name + "_bucket{")]
            self.assertEqual(counts, sorted(counts), name)
            self.assertEqual(counts[-1], values[name + "_count"], name)

    def test_a_stream_is_events_that_end_with_done(self):
        status, headers, body = self.post(self.question(stream=True), "--no-buffer")
        self.assertEqual(status, 200)
        self.assertTrue(headers["content-type"].startswith("text/event-stream"))
        events = body.decode().strip().split("\n\n")
        self.assertTrue(all(event.startswith("data: ") for event in events))
        self.assertEqual(events[-1], "data: [DONE]")
        for event in events[:-1]:
            self.assertEqual(json.loads(event[6:])["object"], "chat.completion.chunk")

    def test_tokens_and_their_text(self):
        for text in ["Hello, world", "", "Grüße 你好 😀", "<|im_start|>"]:
            _, _, body = self.post({"content": text}, path="/tokenize")
            tokens = json.loads(body)["tokens"]
            status, _, body = self.post({"tokens": tokens}, path="/detokenize")
            self.assertEqual((status, json.loads(body)["content"]), (200, text))
        _, _, body = self.post({"content": "Hello, world", "with_pieces": True}, path="/tokenize")
        pieces = json.loads(body)["tokens"]
        self.assertEqual("".join(piece["piece"] for piece in pieces), "Hello, world")

    def test_unknown_routes_and_methods(self):
        self.refuses(curl(self.url("/nowhere")), 404)
        self.refuses(self.post(self.question(), path="/v1/chat"), 404)
        self.refuses(curl(self.url("/v1/%2e%2e/%2e%2e/etc/passwd"), "--path-as-is"), 400, 404)
        if self.server.is_own:
            self.refuses(curl(self.url(CHAT)), 404, 405)
            self.refuses(curl(self.url(CHAT), "--request", "DELETE"), 404, 405)

    def test_connections_are_used_again(self):
        url = self.url("/health")
        done = subprocess.run(["curl", "--silent", "--max-time", "30", "--output", "/dev/null", "--output", "/dev/null", "--write-out",
                               "%{http_code} %{num_connects}\n", url, url], stdout=subprocess.PIPE, text=True)
        self.assertEqual(done.stdout.split("\n")[:2], ["200 1", "200 0"])

    def test_a_client_that_waits_for_100_continue_is_answered(self):
        body = self.question(messages=[{"role": "user", "content": "word " * 400}], max_tokens=1)
        status, _, _ = self.post(body, "--header", "Expect: 100-continue", "--expect100-timeout", "20")
        self.assertEqual(status, 200)

    def test_old_http_is_answered(self):
        status, _, body = self.post(self.question(), "--http1.0")
        self.assertEqual(status, 200)
        self.assertTrue(json.loads(body)["choices"])

    def test_the_page_is_one_file(self):
        if not self.server.is_own:
            self.skipTest("only redrafter promises this")
        status, headers, body = curl(self.url("/"))
        self.assertEqual(status, 200)
        self.assertTrue(headers["content-type"].startswith("text/html"))
        self.assertNotIn(b"src=\"http", body)


class WrongRequestTests(CurlTests):
    def setUp(self):
        if not self.server.is_own:
            self.skipTest("only redrafter promises these statuses")

    def tearDown(self):
        self.assertEqual(curl(self.url("/health"))[0], 200)

    def test_bodies_that_are_no_request(self):
        valid = json.dumps(self.question())
        cases = [b"", b"{", b"[]", b"null", b"42", b'"text"', valid[:-1].encode(), b"\xff\xfe{}", b'{"messages": NaN}', b"{}",
                 b"[" * 100_000, b'{"a":' * 100_000, b'{"temperature": 1e999}',
                 valid.replace("hello", "\\ud800").encode(), valid.replace("hello", "hello\0").encode()]
        for body in cases:
            with self.subTest(body=body[:40]):
                self.refuses(self.post(body), 400, 413, 422)

    def test_types_of_content(self):
        # curl's own is that of a form; a body is read as JSON whatever it is called.
        for kind in ("application/x-www-form-urlencoded", "application/json; charset=utf-8"):
            self.assertEqual(self.post(self.question(), kind=kind)[0], 200)
        self.refuses(self.post(self.question(), "--header", "Content-Encoding: gzip"), 415)

    def test_bodies_and_heads_that_are_too_large(self):
        status, _, body = self.post(b'{"messages": "' + b"x" * (64 << 20) + b'"}')
        self.assertIn(status, (413, 0), body[:200])
        # Where the server closes the connection in the midst of the head, curl has no status.
        self.assertIn(curl(self.url("/health"), "--header", "X: " + "x" * 100_000)[0], (400, 431, 0))
        self.assertIn(curl(self.url("/" + "x" * 100_000))[0], (400, 404, 414, 431, 0))

    def test_other_hosts_and_origins_are_forbidden(self):
        self.refuses(curl(self.url("/v1/models"), "--header", "Host: evil.example"), 400, 403, 421)
        self.refuses(self.post(self.question(), "--header", "Origin: https://evil.example"), 403)
        self.assertEqual(curl(self.url("/v1/models"), "--header", f"Host: localhost:{self.server.address[1]}")[0], 200)
        self.assertEqual(self.post(self.question(), "--header", f"Origin: {self.server.url}")[0], 200)

    def test_no_header_lets_other_pages_in(self):
        for response in (curl(self.url("/v1/models")), self.post(self.question())):
            self.assertFalse([name for name in response[1] if name.startswith("access-control-")])

    def test_what_was_asked_is_not_printed_by_the_server(self):
        if not self.server.process:
            self.skipTest("its log is not ours")
        secret = "a very unusual sentence 83412"
        self.post(self.question(messages=[{"role": "user", "content": secret}]))
        self.assertFalse([line for line in self.server.process.lines if secret in line])


class KeyTests(unittest.TestCase):
    def test_a_key_from_a_file_is_needed_everywhere_but_for_health(self):
        if not running.server().is_own:
            self.skipTest("only redrafter is started with its options")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "key")
            with open(path, "w") as file:
                file.write("secret-key\n")
            os.chmod(path, 0o600)
            server = running.start("--parallel", "1", "--api-key-file", path).wait_until_healthy()
            self.addCleanup(server.stop)
            url = "http://{}:{}".format(*server.address)
            for header in ([], ["--header", "Authorization: Bearer secret-ke"], ["--header", "Authorization: Bearer secret-keys"],
                           ["--header", "Authorization: Basic secret-key"]):
                self.assertEqual(curl(url + "/v1/models", *header)[0], 401)
            self.assertEqual(curl(url + "/v1/models?api_key=secret-key")[0], 401)
            self.assertEqual(curl(url + "/v1/models", "--header", "Authorization: Bearer secret-key")[0], 200)
            self.assertEqual(curl(url + "/health")[0], 200)


if __name__ == "__main__":
    unittest.main()
