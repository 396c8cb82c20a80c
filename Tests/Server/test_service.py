"""The server as a service: keys, names, signals, ports, limits of the system."""

import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from serving import BINARY, CHAT, MODEL, Answer, Server, eventually, read_all, read_until, request, together

LONG = {"messages": [{"role": "user", "content": "Tell a long story."}], "max_tokens": 3000, "temperature": 1, "seed": 1}


class Access(unittest.TestCase):
    def test_keys(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("secret-one\nsecret-two\n")
            file.flush()
            with Server("--api-key-file", file.name) as server:
                wrong = [None, "Bearer", "Bearer x", "Bearer secret-on", "Bearer secret-onee", "Basic secret-one", "secret-one"]
                texts = set()
                for key in wrong:
                    answer = server.ask("GET", "/v1/models", None, {"Authorization": key} if key else {})
                    self.assertEqual(answer.status, 401, key)
                    texts.add(answer.body)
                texts.add(server.ask("GET", "/v1/models?api_key=secret-one").body)
                texts.add(server.ask("GET", "/nothing").body)
                double = request("GET", "/v1/models", None, {"Authorization": "Bearer secret-one", "authorization": "Bearer secret-one"})
                texts.add(Answer(server.send(double)).body)
                long = server.ask("GET", "/v1/models", None, {"Authorization": "Bearer " + "s" * 20000})
                texts.add(long.body)
                self.assertEqual(len(texts), 1)
                # A large body is not even read.
                self.assertEqual(server.ask("POST", CHAT, b" " * 1_000_000).status, 401)
                for key in ["secret-one", "secret-two"]:
                    self.assertEqual(server.ask("GET", "/v1/models", None, {"Authorization": f"Bearer {key}"}).status, 200)
                for path in ["/health", "/"]:
                    self.assertEqual(server.ask("GET", path).status, 200)

    def test_a_key_of_the_environment_opens_other_addresses(self):
        with Server("--host", "0.0.0.0", environment={"REDRAFTER_API_KEY": "k"}) as server:
            fields = {"Authorization": "Bearer k", "Host": "machine.example:1"}
            self.assertEqual(server.ask("GET", "/v1/models", None, fields).status, 200)
            self.assertEqual(server.ask("GET", "/v1/models").status, 401)

    def test_other_addresses_need_a_key(self):
        run = subprocess.run([BINARY, "serve", "-m", MODEL, "--host", "0.0.0.0", "--port", "0"], capture_output=True, timeout=20)
        self.assertEqual(run.returncode, 64)
        self.assertIn(b"--insecure", run.stderr)
        with Server("--host", "0.0.0.0", "--insecure") as server:
            self.assertEqual(server.ask("GET", "/health").status, 200)
            self.assertIn("warning: 0.0.0.0", server.stderr())

    def test_hosts_and_origins(self):
        with Server("--allowed-host", "llm.example", "--cors", "https://app.example") as server:
            ask = lambda **fields: server.ask("GET", "/v1/models", None, fields)
            port = server.port
            for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.2"]:
                self.assertEqual(ask(Host=host).status, 403, host)
            for host in ["localhost", "LOCALHOST:1", "127.0.0.1", f"127.0.0.1:{port}", "[::1]", "llm.example", "localhost."]:
                self.assertEqual(ask(Host=host).status, 200, host)
            for origin in ["https://evil.example", "null", "http://localhost:3000", "file://", "http://localhost.evil.example"]:
                answer = ask(Origin=origin)
                self.assertEqual(answer.status, 403, origin)
                self.assertNotIn("access-control-allow-origin", answer.fields)
            own = server.ask("GET", "/v1/models", None, {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"})
            self.assertEqual(own.status, 200)
            self.assertNotIn("access-control-allow-origin", own.fields)
            self.assertEqual(ask(Origin="https://llm.example").status, 200)
            self.assertEqual(ask(Origin="https://app.example").fields["access-control-allow-origin"], "https://app.example")
            preflight = server.ask("OPTIONS", CHAT, None, {
                "Origin": "https://app.example", "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization"})
            self.assertEqual(preflight.status, 204)
            self.assertEqual(preflight.fields["access-control-allow-headers"], "authorization")


class Signals(unittest.TestCase):
    def test_a_signal_lets_the_running_text_finish(self):
        with Server("--parallel", "1") as server:
            with server.connect() as running:
                running.sendall(request("POST", CHAT, {**LONG, "max_tokens": 400, "stream": True}))
                read_until(running, b'"delta":{"content":')
                server.process.send_signal(signal.SIGTERM)
                self.assertTrue(eventually(lambda: refuses(server.port)))
                data = read_all(running)
                self.assertIn(b"[DONE]", data)
            self.assertEqual(server.process.wait(10), 0)

    def test_what_takes_longer_than_the_grace_fails(self):
        with Server("--parallel", "1", "--grace", "0.2") as server:
            with server.connect() as running:
                running.sendall(request("POST", CHAT, {**LONG, "stream": True}))
                read_until(running, b'"delta":{"content":')
                start = time.monotonic()
                server.process.send_signal(signal.SIGTERM)
                data = read_all(running)
                self.assertNotIn(b"[DONE]", data)
                self.assertNotIn(b'"finish_reason":"', data)
            self.assertEqual(server.process.wait(10), 0)
            self.assertLess(time.monotonic() - start, 8)

    def test_a_second_signal_ends_at_once(self):
        with Server("--parallel", "1") as server:
            with server.connect() as running:
                running.sendall(request("POST", CHAT, {**LONG, "stream": True}))
                read_until(running, b'"delta":{"content":')
                server.process.send_signal(signal.SIGTERM)
                time.sleep(0.3)
                start = time.monotonic()
                self.assertEqual(server.stop(5, signal.SIGINT), 130)
                self.assertLess(time.monotonic() - start, 2)

    def test_an_idle_server_ends_at_once(self):
        with Server() as server:
            with server.connect() as idle:
                idle.sendall(request("GET", "/health"))
                read_until(idle, b"}")
                start = time.monotonic()
                self.assertEqual(server.stop(5, signal.SIGINT), 0)
                self.assertLess(time.monotonic() - start, 2)

    def test_a_request_on_its_way_is_503(self):
        with Server() as server:
            with server.connect() as connection:
                connection.sendall(request("POST", CHAT, b"{", {"Content-Length": "2"}))
                time.sleep(0.2)
                server.process.send_signal(signal.SIGTERM)
                time.sleep(0.3)
                connection.sendall(b"}")
                answer = Answer(read_all(connection))
                self.assertEqual((answer.status, answer.error["code"]), (503, "shutting_down"))
                self.assertEqual(answer.fields["connection"], "close")
            self.assertEqual(server.process.wait(10), 0)


class System(unittest.TestCase):
    def test_a_port_in_use_is_named(self):
        with Server() as server:
            run = subprocess.run([BINARY, "serve", "-m", MODEL, "--port", str(server.port)], capture_output=True, timeout=20)
            self.assertEqual(run.returncode, 69)
            self.assertIn(f"port {server.port}".encode(), run.stderr)
        for host in ["203.0.113.1", "nowhere.invalid"]:
            flags = ["-m", MODEL, "--host", host, "--insecure", "--port", "0"]
            run = subprocess.run([BINARY, "serve", *flags], capture_output=True, timeout=30)
            self.assertEqual(run.returncode, 69)
            self.assertIn(host.encode(), run.stderr)

    def test_wrong_flags_are_64_before_a_model_is_loaded(self):
        for flags in [
            ["--port", "70000"], ["--parallel", "0"], ["--parallel", "100000"], ["--queue", "-1"], ["--grace", "-1"],
            ["--log-level", "loud"], ["--max-body", "1"], ["--cors", "app.example"], ["--timeout-write", "0"],
            ["--prompt-rows", "0"], ["--api-key-file", "/dev/null"],
        ]:
            run = subprocess.run([BINARY, "serve", "-m", "/nowhere", *flags], capture_output=True, timeout=20)
            self.assertEqual(run.returncode, 64, (flags, run.stderr))

    def test_wrong_files_and_drafters_are_said_before_it_listens(self):
        for status, flags in {
            66: ["-m", "/nowhere.gguf"], 64: ["-m", MODEL, "--drafter", "nothing"],
            65: ["-m", MODEL, "--drafter", "rnn", "--drafter-model", __file__],
        }.items():
            run = subprocess.run([BINARY, "serve", "--port", "0", *flags], capture_output=True, timeout=20)
            self.assertEqual(run.returncode, status, (flags, run.stderr))
            self.assertNotIn(b"listening", run.stderr)

    def test_health_is_503_while_the_model_loads(self):
        statuses = []
        with Server(waits=False) as server:
            while not statuses or statuses[-1] != 200:
                statuses.append(server.ask("GET", "/health").status)
        self.assertLessEqual(set(statuses), {503, 200})

    def test_few_files_are_enough(self):
        with Server(prefix=["prlimit", "--nofile=32:32"]) as server:
            open_connections = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(60)]
            time.sleep(0.5)
            for connection in open_connections:
                connection.close()
            self.assertTrue(eventually(lambda: server.ask("GET", "/health").status == 200, 10))
            self.assertEqual(server.stop(), 0)

    def test_a_full_log_harms_nothing(self):
        with open("/dev/full", "w") as full:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            process = subprocess.Popen([BINARY, "serve", "-m", MODEL, "--port", str(port)], stderr=full)
            try:
                self.assertTrue(eventually(lambda: answers(port), 30))
            finally:
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(10), 0)

    def test_prompts_are_logged_only_where_asked_for(self):
        for flags, isLogged in [([], False), (["--log-prompts"], True)]:
            with Server("--log-level", "trace", *flags) as server:
                server.chat(messages=[{"role": "user", "content": "zanzibar\n"}])
                # The line is written after the answer was sent.
                line = r"(?m)^.* route=/v1/chat/completions.*\n"
                self.assertTrue(eventually(lambda: re.search(line, server.stderr())))
                self.assertEqual("zanzibar" in server.stderr(), isLogged)


class Load(unittest.TestCase):
    def test_a_full_queue_is_429_with_the_time_to_wait(self):
        with Server("--parallel", "1", "--queue", "16", "--max-connections", "200") as server:
            with server.connect() as running:
                running.sendall(request("POST", CHAT, {**LONG, "stream": True}))
                read_until(running, b'"delta":{"content":')
                # The slot is taken: 16 wait, the others do not.
                refused = []

                def ask(_):
                    start = time.monotonic()
                    answer = server.chat(max_tokens=2)
                    if answer.status == 429:
                        refused.append(time.monotonic() - start)
                    return answer

                answers = together(100, ask)
            statuses = [answer.status for answer in answers]
            self.assertEqual((statuses.count(200), statuses.count(429)), (16, 84))
            self.assertLess(sorted(refused)[len(refused) // 2], 0.2)
            for answer in answers:
                if answer.status == 429:
                    self.assertGreaterEqual(int(answer.fields["retry-after"]), 1)
                    self.assertEqual(answer.error["code"], "queue_full")
            self.assertEqual(len({answer.text for answer in answers if answer.status == 200}), 1)

    def test_who_waits_is_503_when_the_server_ends(self):
        with Server("--parallel", "1") as server:
            with server.connect() as running, server.connect() as waiting:
                running.sendall(request("POST", CHAT, {**LONG, "max_tokens": 600, "stream": True}))
                read_until(running, b'"delta":{"content":')
                waiting.sendall(request("POST", CHAT, LONG))
                self.assertTrue(eventually(lambda: server.metric("num_requests_waiting") == 1))
                server.process.send_signal(signal.SIGTERM)
                answer = Answer(read_all(waiting))
                self.assertEqual((answer.status, answer.error["code"]), (503, "shutting_down"))
                self.assertIn(b"[DONE]", read_all(running))
            self.assertEqual(server.process.wait(10), 0)


def refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return False
    except ConnectionRefusedError:
        return True


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(request("GET", "/health", None, {"Connection": "close"}))
            return Answer(read_all(connection)).status == 200
    except OSError:
        return False


if __name__ == "__main__":
    unittest.main()
