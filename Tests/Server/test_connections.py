"""Connections: clients that are slow, that go, that send what is no HTTP."""

import json
import random
import socket
import struct
import time
import unittest

from serving import CHAT, Answer, Server, eventually, read_all, read_until, request, together

LONG = {"messages": [{"role": "user", "content": "Tell a long story."}], "max_tokens": 3000, "temperature": 1, "seed": 1}


def reset(connection):
    """Closes a connection with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def is_open(connection):
    connection.setblocking(False)
    try:
        connection.recv(1)
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False


class Connections(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(
            "--parallel", "2", "--timeout-headers", "1.5", "--timeout-body", "2", "--timeout-idle", "2",
            "--timeout-write", "2", "--max-connections", "400",
        )

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.server.__exit__()
        assert code == 0, f"the server ended with {code}"

    def tearDown(self):
        self.assertIsNone(self.server.process.poll())
        self.assertEqual(self.server.chat(max_tokens=2).status, 200)

    # What is no HTTP

    def test_large_headers_are_431_and_long_addresses_414(self):
        cases = {
            431: [
                b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: 1\r\n" % i for i in range(1001)) + b"\r\n",
                b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n",
            ],
            414: [
                b"GET /" + b"a" * (100 << 10) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                b"GET /" + b"a" * (3 << 20) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
            ],
        }
        for status, requests in cases.items():
            for data in requests:
                answer = Answer(self.server.send(data))
                self.assertEqual(answer.status, status, answer.data[:200])
                self.assertEqual(answer.fields["connection"], "close")

    def test_what_is_no_http_is_400_and_closes(self):
        head = b"POST /health HTTP/1.1\r\nHost: localhost\r\n"
        for data in [
            b"GET /health\r\n\r\n", b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n",
            b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
            b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n",
            b"GET /health HTTP/1.1\r\nHost: localhost\r\n X: 1\r\n\r\n", b"GET /health HTTP/1.1\r\n\r\n",
            b"GET /health HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n",
            head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            head + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n123456",
            head + b"Content-Length: -1\r\n\r\n", head + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
            head + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        ]:
            with self.subTest(data=data[:60]):
                answer = Answer(self.server.send(data))
                self.assertEqual(answer.status, 400, answer.data[:200])
                self.assertEqual(set(answer.error), {"message", "type", "param", "code"})
                # In words, not in names of a parser.
                self.assertNotRegex(answer.error["message"], "[a-z][A-Z]")

    def test_other_transfer_codings_are_501_and_close(self):
        for coding in ["gzip, chunked", "deflate, chunked", "identity, chunked"]:
            head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: {coding}\r\n\r\n"
            answer = Answer(self.server.send(head.encode() + b"2\r\n{}\r\n0\r\n\r\n"))
            self.assertEqual(answer.status, 501, (coding, answer.data[:200]))
            self.assertEqual(answer.fields["connection"], "close")

    # Clients that are slow

    def test_a_header_byte_by_byte_is_408(self):
        with self.server.connect() as connection:
            start = time.monotonic()
            data = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            try:
                for byte in data:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.2)
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.assertLess(time.monotonic() - start, 6)
            self.assertIn(b" 408 ", read_all(connection) or b" 408 ")

    def test_a_body_byte_by_byte_is_408(self):
        with self.server.connect() as connection:
            connection.sendall(request("POST", CHAT, b"", {"Content-Length": "1000"}))
            start = time.monotonic()
            connection.settimeout(0.3)
            answer = b""
            while time.monotonic() - start < 10:
                try:
                    connection.sendall(b" ")
                    part = connection.recv(4096)
                    answer += part
                    if not part:
                        break
                except socket.timeout:
                    continue
                except (BrokenPipeError, ConnectionResetError):
                    break
            self.assertLess(time.monotonic() - start, 7)
            self.assertIn(b" 408 ", answer)

    def test_idle_connections_are_closed(self):
        with self.server.connect() as silent, self.server.connect() as used:
            used.sendall(request("GET", "/health"))
            start = time.monotonic()
            self.assertIn(b'{"status":"ok"}', read_all(used))
            self.assertGreater(time.monotonic() - start, 1)
            self.assertEqual(read_all(silent), b"")
            self.assertLess(time.monotonic() - start, 8)

    def test_silent_connections_give_way(self):
        with Server("--max-connections", "20") as server:
            silent = [server.connect() for _ in range(60)]
            for connection in silent[::2]:
                connection.sendall(b"G")
            try:
                start = time.monotonic()
                self.assertEqual(server.ask("GET", "/health").status, 200)
                self.assertLess(time.monotonic() - start, 6)
                # One place was needed, not all of them.
                self.assertGreater(sum(is_open(connection) for connection in silent), 10)
            finally:
                for connection in silent:
                    connection.close()

    def test_many_slow_clients_do_not_slow_down_a_normal_one(self):
        def slow(_):
            try:
                with self.server.connect(10) as connection:
                    for byte in b"GET /health HTTP/1.1\r\nHost: loc":
                        connection.sendall(bytes([byte]))
                        time.sleep(0.25)
                    read_all(connection)
            except OSError:
                pass

        def normal(_):
            times = []
            for _ in range(20):
                start = time.monotonic()
                self.assertEqual(self.server.ask("GET", "/health").status, 200)
                times.append(time.monotonic() - start)
                time.sleep(0.05)
            return sorted(times)[10]

        results = together(201, lambda index: normal(index) if index == 200 else slow(index))
        self.assertLess(results[200], 0.25)

    def test_a_client_that_reads_nothing_is_cut_off(self):
        before = self.server.stderr().count("reads nothing")
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", self.server.port))
        connection.sendall(request("POST", CHAT, {**LONG, "stream": True, "logprobs": True, "top_logprobs": 20}))
        self.assertTrue(eventually(lambda: self.server.stderr().count("reads nothing") > before, 30))
        self.assertTrue(eventually(lambda: self.server.metric("num_requests_running") == 0))
        connection.close()

    def test_large_bodies_do_not_hold_up_others(self):
        many = [{"role": "user", "content": ""}] * 50_000
        times = []

        def ask(index):
            if index < 4:
                self.assertEqual(self.server.chat(messages=many).error["code"], "context_length_exceeded")
            else:
                for _ in range(20):
                    start = time.monotonic()
                    self.assertEqual(self.server.ask("GET", "/v1/models").status, 200)
                    times.append(time.monotonic() - start)
                    time.sleep(0.05)

        together(5, ask)
        self.assertLess(sorted(times)[10], 0.2)

    # Clients that go

    def gone(self, how, stream, after):
        before = self.server.stderr().count("client gone")
        connection = self.server.connect()
        connection.sendall(request("POST", CHAT, {**LONG, "stream": stream}))
        if after == "text":
            read_until(connection, b'"delta":{"content":')
        else:
            time.sleep(after)
        start = time.monotonic()
        how(connection)
        self.assertTrue(eventually(lambda: self.server.stderr().count("client gone") > before, 3))
        self.assertLess(time.monotonic() - start, 2)
        # The slot is free: a short text is answered at once.
        self.assertEqual(self.server.chat(max_tokens=1).status, 200)
        self.assertLess(time.monotonic() - start, 3)

    def test_a_client_that_closes_ends_its_text(self):
        self.gone(lambda c: c.close(), True, "text")
        self.gone(lambda c: c.close(), True, 0.0)
        self.gone(lambda c: c.close(), False, 0.3)

    def test_a_client_that_resets_ends_its_text(self):
        self.gone(reset, True, "text")
        self.gone(reset, True, 0.0)
        self.gone(reset, False, 0.3)

    def test_a_client_that_goes_while_it_waits_ends_its_request(self):
        with self.server.connect() as one, self.server.connect() as other:
            for connection in [one, other]:
                connection.sendall(request("POST", CHAT, {**LONG, "stream": True}))
            read_until(one, b'"delta":{"content":')
            before = self.server.stderr().count("client gone")
            with self.server.connect() as waiting:
                waiting.sendall(request("POST", CHAT, LONG))
                time.sleep(0.1)
            self.assertTrue(eventually(lambda: self.server.stderr().count("client gone") > before, 2))
        self.assertTrue(eventually(lambda: self.server.metric("num_requests_running") == 0))

    def test_a_client_that_goes_while_its_prompt_is_read_ends_its_request(self):
        for stream in [False, True]:
            before = self.server.stderr().count("client gone")
            with self.server.connect() as connection:
                text = {"messages": [{"role": "user", "content": "river " * 3500}], "max_tokens": 500, "stream": stream}
                connection.sendall(request("POST", CHAT, text))
                self.assertTrue(eventually(lambda: self.server.metric("num_requests_running") == 1))
            self.assertTrue(eventually(lambda: self.server.stderr().count("client gone") > before, 1))
            self.assertTrue(eventually(lambda: self.server.metric("num_requests_running") == 0, 1))

    def test_a_storm_of_clients_that_go_leaves_nothing(self):
        self.assertTrue(eventually(lambda: self.server.files() < 60, 10))
        before = self.server.files()
        numbers = random.Random(5)
        plans = [(numbers.random() * 0.2, numbers.random() < 0.5, numbers.random() < 0.5) for _ in range(100)]

        def go(index):
            delay, stream, resets = plans[index]
            connection = self.server.connect()
            connection.sendall(request("POST", CHAT, {**LONG, "stream": stream}))
            time.sleep(delay)
            reset(connection) if resets else connection.close()

        together(100, go)
        self.assertTrue(eventually(lambda: self.server.metric("num_requests_running") == 0))
        self.assertEqual(self.server.metric("num_requests_waiting"), 0)
        self.assertTrue(eventually(lambda: self.server.files() <= before + 1, 10), (before, self.server.files()))

    def test_a_half_closed_connection_gets_its_answer(self):
        for stream in [False, True]:
            with self.server.connect() as connection:
                body = {**LONG, "max_tokens": 40, "stream": stream}
                connection.sendall(request("POST", CHAT, body))
                connection.shutdown(socket.SHUT_WR)
                answer = Answer(read_all(connection))
                self.assertEqual(answer.status, 200)
                if stream:
                    self.assertEqual(answer.events[-1], "[DONE]")
                else:
                    self.assertEqual(answer.json["usage"]["completion_tokens"], 40)

    def test_a_request_that_ends_early_is_400(self):
        with self.server.connect() as connection:
            connection.sendall(request("POST", CHAT, b"{", {"Content-Length": "100"}))
            connection.shutdown(socket.SHUT_WR)
            self.assertIn(b" 400 ", read_all(connection))

    # What HTTP/1.1 allows

    def test_pipelined_requests_are_answered_in_order(self):
        first = request("POST", CHAT, {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 20})
        data = first + request("GET", "/health") + request("GET", "/nothing") + request("GET", "/v1/models", None, {"Connection": "close"})
        with self.server.connect() as connection:
            connection.sendall(data)
            answers = read_all(connection)
        marks = [answers.index(mark) for mark in [b"chat.completion", b'{"status":"ok"}', b" 404 ", b'"object":"list"']]
        self.assertEqual(marks, sorted(marks))

    def test_expect_continue_is_answered_before_the_body(self):
        body = json.dumps({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}).encode()
        with self.server.connect() as connection:
            fields = {"Content-Length": str(len(body)), "Expect": "100-continue", "Connection": "close"}
            connection.sendall(request("POST", CHAT, b"", fields))
            self.assertEqual(read_until(connection, b"\r\n\r\n"), b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.sendall(body)
            self.assertEqual(Answer(read_all(connection)).status, 200)
        large = self.server.send(request("POST", CHAT, b"", {"Content-Length": str(3 << 20), "Expect": "100-continue"}))
        self.assertTrue(large.startswith(b"HTTP/1.1 413 "), large[:60])
        other = self.server.send(request("POST", CHAT, b"", {"Content-Length": "2", "Expect": "tea"}))
        self.assertTrue(other.startswith(b"HTTP/1.1 417 "), other[:60])

    def test_old_http_gets_an_answer_without_chunks(self):
        for body in [{"max_tokens": 3}, {"max_tokens": 3, "stream": True}]:
            body = json.dumps({"messages": [{"role": "user", "content": "Hi"}], **body}).encode()
            head = f"POST {CHAT} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            answer = Answer(self.server.send(head + body))
            self.assertEqual(answer.status, 200)
            self.assertNotIn("transfer-encoding", answer.fields)

    def test_a_thousand_requests_on_one_connection_leak_nothing(self):
        self.assertTrue(eventually(lambda: self.server.files() < 60, 10))
        before = self.server.files()
        with self.server.connect() as connection:
            for _ in range(1000):
                connection.sendall(request("GET", "/health"))
                self.assertIn(b'{"status":"ok"}', read_until(connection, b"}"))
        self.assertTrue(eventually(lambda: self.server.files() <= before, 10), (before, self.server.files()))

    def test_thousands_of_refusals_leave_memory_flat(self):
        def refuse(_):
            for _ in range(50):
                self.assertEqual(self.server.chat(n=10**9).status, 400)

        together(4, refuse)
        before = self.server.memory()
        together(4, refuse)
        self.assertLess(self.server.memory() - before, 16 << 20)


if __name__ == "__main__":
    unittest.main()
