"""Bodies and fields: what is answered, and what is refused with which status."""

import base64
import gzip
import hashlib
import json
import subprocess
import time
import unittest

from serving import BINARY, CHAT, MODEL, Server

ERROR_KEYS = {"message", "type", "param", "code"}


class Requests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--parallel", "2", "--queue", "4", "-c", "512", "--alias", "toy")

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.server.__exit__()
        assert code == 0, f"the server ended with {code}"

    def refuses(self, status, parameter=None, code=None, **fields):
        start = time.monotonic()
        answer = self.server.chat(**fields)
        self.assertEqual(answer.status, status, answer.data[:400])
        self.assertEqual(set(answer.error), ERROR_KEYS)
        if parameter:
            self.assertEqual(answer.error["param"], parameter)
        if code:
            self.assertEqual(answer.error["code"], code)
        self.assertLess(time.monotonic() - start, 2)
        return answer

    def raw(self, body, status, **headers):
        answer = self.server.ask("POST", CHAT, body, headers)
        self.assertEqual(answer.status, status, answer.data[:400])
        self.assertEqual(set(answer.error), ERROR_KEYS)
        return answer

    # Bodies

    def test_bodies_that_are_no_json_are_400(self):
        bodies = [
            b"", b"{", b"[]", b'"x"', b"null", b'{"messages": NaN}', b'{"temperature": 1e999}', b"\xef\xbb\xbf{}",
            b'{"messages": "\xff"}', b"[" * 100_000, b'{"a":' * 100_000, b'{"n": 1, "n": 1}', b"{}{}",
        ]
        for body in bodies:
            with self.subTest(body=body[:40]):
                self.raw(body, 400)

    def test_large_bodies_are_413_and_compressed_ones_415(self):
        self.raw(b'{"x": "' + b"a" * (3 << 20) + b'"}', 413)
        bomb = gzip.compress(b"0" * (8 << 20))
        self.raw(bomb, 415, **{"Content-Encoding": "gzip"})

    def test_a_chunked_body_is_read_and_a_large_one_is_413(self):
        body = json.dumps({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}).encode()
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i : i + 7]), body[i : i + 7]) for i in range(0, len(body), 7))
        answer = self.server.ask("POST", CHAT, chunks + b"0\r\n\r\n", {"Transfer-Encoding": "chunked"})
        self.assertEqual(answer.status, 200)
        large = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
        self.assertEqual(
            self.server.ask("POST", CHAT, large * 3 + b"0\r\n\r\n", {"Transfer-Encoding": "chunked"}).status, 413
        )

    # Fields

    def test_wrong_values_are_400_and_name_the_field(self):
        wrong = {
            "n": [0, 3, 10**9, 1.5, "2"], "max_tokens": [-1, 2**63, "8", 1.5], "temperature": ["hot", -1, [1], 1e300],
            "top_p": [1.1, -0.1], "top_k": [-2, 1.5], "min_p": [2], "seed": [-1, 2**64, 1.5, "x"],
            "stop": [[""], "", ["a"] * 17, ["a"] * 100_000, [1], 5], "presence_penalty": ["x"],
            "frequency_penalty": [[]], "repeat_penalty": [0, -1], "repeat_last_n": [-2],
            "logit_bias": [{"-1": 1}, {"49152": 1}, {"1": 1e9}, {"1": -101}, {"01": 1}, {"x": 1}, [1], {"1": "2"}],
            "stream": ["yes", 1], "logprobs": [1, "x"], "messages": [[], "x", 5, [5]], "model": [5],
            "drafter": [5, "nothing"], "speculation": [1, "x"], "stream_options": [{"include_usage": True}, 1],
        }
        for field, values in wrong.items():
            for value in values:
                with self.subTest(field=field, value=str(value)[:40]):
                    answer = self.refuses(400, **{field: value})
                    self.assertTrue(answer.error["param"].startswith(field), answer.error)

    def test_what_is_allowed_is_said_with_both_ends(self):
        for field, words in {
            "temperature": "from 0.0 to 3.4e38", "repeat_penalty": "above 0, up to 3.4e38",
            "presence_penalty": "from -3.4e38 to 3.4e38", "top_p": "from 0.0 to 1.0",
        }.items():
            self.assertIn(words, self.refuses(400, field, **{field: -1e300}).error["message"])

    def test_top_logprobs_need_logprobs(self):
        self.refuses(400, "top_logprobs", top_logprobs=2)
        self.refuses(400, "top_logprobs", logprobs=True, top_logprobs=10**6)

    def test_two_different_limits_are_400(self):
        self.refuses(400, "max_completion_tokens", max_tokens=3, max_completion_tokens=4)
        self.assertEqual(self.server.chat(max_tokens=3, max_completion_tokens=3).status, 200)

    def test_what_is_not_supported_is_400_and_names_the_field(self):
        unsupported = {
            "tools": [{"type": "function"}], "functions": [{}], "tool_choice": "required",
            "response_format": {"type": "json_object"}, "modalities": ["text", "audio"], "audio": {},
            "prediction": {}, "reasoning_effort": "low", "web_search_options": {}, "nonsense": 1, "best_of": 2,
        }
        for field, value in unsupported.items():
            with self.subTest(field=field):
                self.refuses(400, field, **{field: value})

    def test_what_asks_for_nothing_is_taken(self):
        fields = dict(
            user="me", store=True, metadata={}, service_tier="auto", parallel_tool_calls=False, tools=[],
            tool_choice="auto", response_format={"type": "text"}, modalities=["text"], stop=None, logit_bias=None,
            seed=None, audio=None, nonsense=None, prompt_cache_key="x", safety_identifier="x", cache_prompt=True,
        )
        self.assertEqual(self.server.chat(**fields).status, 200)

    def test_messages_are_checked(self):
        def messages(*items):
            return dict(messages=list(items))

        image = {"type": "image_url", "image_url": {"url": "x"}}
        self.refuses(400, "messages[0].role", **messages({"role": "tool", "content": "x"}))
        self.refuses(400, "messages[0].role", **messages({"content": "x"}))
        self.refuses(400, "messages[0].content", **messages({"role": "user"}))
        self.refuses(400, "messages[0].content[0].type", **messages({"role": "user", "content": [image]}))
        self.refuses(400, "messages[0].name", **messages({"role": "user", "content": "x", "name": "me"}))
        self.refuses(400, "messages[0].tool_calls", **messages({"role": "assistant", "content": "x", "tool_calls": [1]}))
        parts = [{"type": "text", "text": "Name three "}, {"type": "text", "text": "rivers."}]
        joined = self.server.chat(**messages({"role": "user", "content": parts}))
        self.assertEqual(joined.text, self.server.chat().text)

    def test_special_tokens_in_a_message_are_plain_text(self):
        count = lambda text: self.server.chat(messages=[{"role": "user", "content": text}], max_tokens=1).json[
            "usage"]["prompt_tokens"]
        self.assertGreater(count("<|im_end|>"), count("x") + 2)

    def test_other_models_are_404_and_not_quoted(self):
        for name in ["gpt-4", "../../etc/passwd", "\u001b[2J"]:
            answer = self.refuses(404, "model", "model_not_found", model=name)
            self.assertNotIn(b"passwd", answer.body)
            self.assertNotIn(b"[2J", answer.body)
        self.assertEqual(self.server.chat(model="toy").status, 200)

    def test_a_prompt_that_is_too_long_says_both_numbers(self):
        answer = self.refuses(400, "messages", "context_length_exceeded", messages=[{"role": "user", "content": "a " * 600}])
        self.assertRegex(answer.error["message"], r"\d+ tokens.*512")
        tokens = lambda count: self.server.ask("POST", "/v1/completions", {"prompt": [500] * count, "max_tokens": 9})
        self.assertEqual(tokens(512).error["code"], "context_length_exceeded")
        last = tokens(511).json
        self.assertEqual((last["choices"][0]["finish_reason"], last["usage"]["completion_tokens"]), ("length", 1))

    # Answers

    def test_the_answer_is_that_of_generate(self):
        for sampling in [{}, {"temperature": 0.8, "seed": 7}]:
            flags = [flag for key, value in sampling.items() for flag in (f"--{key}", str(value))]
            run = subprocess.run(
                [BINARY, "generate", "-m", MODEL, "-c", "512", "-p", "Name three rivers.", "-n", "24", "--json", *flags],
                capture_output=True, check=True,
            )
            expected = json.loads(run.stdout)
            answer = self.server.chat(max_tokens=24, **sampling).json
            self.assertEqual(answer["choices"][0]["message"]["content"], expected["text"])
            self.assertEqual(answer["choices"][0]["finish_reason"], expected["finish_reason"])
            for key, value in expected["usage"].items():
                self.assertEqual(answer["usage"][key], value)

    def test_a_stream_is_the_whole_answer_in_pieces(self):
        whole = self.server.chat(max_tokens=16)
        answer = self.server.chat(max_tokens=16, stream=True, stream_options={"include_usage": True})
        self.assertEqual(answer.fields["content-type"], "text/event-stream")
        self.assertEqual(answer.events[-1], "[DONE]")
        chunks = [json.loads(event) for event in answer.events[:-1]]
        self.assertEqual(chunks[0]["choices"][0]["delta"], {"role": "assistant", "content": ""})
        text = ""
        for chunk in chunks[1:-2]:
            delta = chunk["choices"][0]["delta"]["content"]
            self.assertEqual(delta, "".join(piece["text"] for piece in chunk["redrafter"]["pieces"]))
            self.assertIsNone(chunk["usage"])
            text += delta
        self.assertEqual(text, whole.text)
        self.assertEqual(chunks[-2]["choices"][0]["finish_reason"], "length")
        self.assertEqual(chunks[-2]["choices"][0]["delta"], {})
        self.assertEqual(chunks[-2]["timings"]["predicted_n"], 16)
        self.assertEqual(chunks[-1]["choices"], [])
        self.assertEqual(chunks[-1]["usage"]["completion_tokens"], 16)

    def test_each_choice_has_the_next_seed(self):
        both = self.server.chat(n=2, temperature=1, seed=5).json
        self.assertEqual([choice["index"] for choice in both["choices"]], [0, 1])
        for index, choice in enumerate(both["choices"]):
            alone = self.server.chat(temperature=1, seed=5 + index)
            self.assertEqual(choice["message"]["content"], alone.text)
        stream = self.server.chat(n=2, temperature=1, seed=5, stream=True)
        texts = ["", ""]
        for event in stream.events[:-1]:
            choice = json.loads(event)["choices"][0]
            texts[choice["index"]] += choice["delta"].get("content", "")
        self.assertEqual(texts, [choice["message"]["content"] for choice in both["choices"]])

    def test_completions_take_text_and_tokens(self):
        ask = lambda prompt: self.server.ask("POST", "/v1/completions", {"prompt": prompt, "max_tokens": 6})
        tokens = self.server.ask("POST", "/tokenize", {"content": "Once upon a time"}).json["tokens"]
        texts = {ask(prompt).json["choices"][0]["text"] for prompt in ["Once upon a time", ["Once upon a time"], tokens, [tokens]]}
        self.assertEqual(len(texts), 1)
        for prompt in [None, "", [], ["a", "b"], [[1], [2]], [-1], [49152], [1.5], ["a", 1], 5, {}]:
            with self.subTest(prompt=prompt):
                answer = ask(prompt)
                self.assertEqual((answer.status, answer.error["param"]), (400, "prompt"))
        for field, value in {"best_of": 2, "echo": True, "suffix": "x", "messages": [], "logprobs": True}.items():
            answer = self.server.ask("POST", "/v1/completions", {"prompt": "a", field: value})
            self.assertEqual((answer.status, answer.error["param"]), (400, field))

    def test_tokens_there_and_back(self):
        text = "A caf\u00e9, 25 %\n"
        tokens = self.server.ask("POST", "/tokenize", {"content": text}).json["tokens"]
        self.assertEqual(self.server.ask("POST", "/detokenize", {"tokens": tokens}).json["content"], text)
        pieces = self.server.ask("POST", "/tokenize", {"content": "hi", "with_pieces": True}).json["tokens"]
        self.assertEqual(pieces[0]["piece"], "hi")
        for path, body in [("/tokenize", {}), ("/tokenize", {"content": 5}), ("/detokenize", {"tokens": [-1]})]:
            self.assertEqual(self.server.ask("POST", path, body).status, 400)

    def test_a_text_of_a_megabyte_is_tokenised_in_time(self):
        for letter in ["a", " ", ".", "\u4e2d"]:
            text = letter * ((1 << 20) // len(letter.encode()))
            start = time.monotonic()
            self.assertEqual(self.server.ask("POST", "/tokenize", {"content": text}).status, 200)
            self.assertLess(time.monotonic() - start, 5)

    # Probabilities

    def test_log_probabilities_of_a_chat(self):
        whole = self.server.chat(logprobs=True, top_logprobs=3, max_tokens=8).json["choices"][0]
        content = whole["logprobs"]["content"]
        self.assertEqual(len(content), 8)
        self.assertEqual("".join(token["token"] for token in content), whole["message"]["content"])
        for token in content:
            self.assertEqual(bytes(token["bytes"]).decode(), token["token"])
            self.assertEqual(len(token["top_logprobs"]), 3)
            # The temperature is 0: the token is the most probable one.
            self.assertEqual(token["top_logprobs"][0]["token"], token["token"])
            self.assertEqual(token["top_logprobs"][0]["logprob"], token["logprob"])
            self.assertLessEqual(token["logprob"], 0)
        stream = self.server.chat(logprobs=True, top_logprobs=3, max_tokens=8, stream=True)
        parts = [json.loads(event)["choices"][0]["logprobs"] for event in stream.events[:-1]]
        self.assertEqual([token for part in parts if part for token in part["content"]], content)
        self.assertIsNone(self.server.chat(max_tokens=2).json["choices"][0]["logprobs"])

    def test_log_probabilities_of_a_completion(self):
        body = {"prompt": "Once upon a time", "max_tokens": 8, "logprobs": 2}
        whole = self.server.ask("POST", "/v1/completions", body).json["choices"][0]
        logs = whole["logprobs"]
        self.assertEqual("".join(logs["tokens"]), whole["text"])
        self.assertEqual({len(logs[key]) for key in logs}, {8})
        for token, offset in zip(logs["tokens"], logs["text_offset"]):
            self.assertTrue(whole["text"][offset:].startswith(token))
        stream = self.server.ask("POST", "/v1/completions", {**body, "stream": True})
        parts = [json.loads(event)["choices"][0]["logprobs"] for event in stream.events[:-1]]
        for key in logs:
            self.assertEqual([value for part in parts if part for value in part[key]], logs[key])

    def test_a_bias_bans_a_token(self):
        first = self.server.chat(max_tokens=1).text
        token = self.server.ask("POST", "/tokenize", {"content": first}).json["tokens"][0]
        self.assertNotEqual(self.server.chat(max_tokens=1, logit_bias={str(token): -100}).text, first)

    # Addresses

    def test_addresses_are_compared_as_they_come(self):
        for path in ["/v1/%2e%2e/health", "//", "//health", "/health/", "/v1/../health", "/etc/passwd", "/HEALTH"]:
            answer = self.server.ask("GET", path)
            self.assertEqual(answer.status, 404, path)
            self.assertNotIn(b"passwd", answer.body)
        self.assertEqual(self.server.ask("GET", "/health?x=1").status, 200)

    def test_methods_are_405(self):
        for method, path in [("GET", CHAT), ("POST", "/health"), ("DELETE", "/v1/models"), ("PUT", CHAT)]:
            answer = self.server.ask(method, path, b"{}")
            self.assertEqual(answer.status, 405)
            self.assertIn("OPTIONS", answer.fields["allow"])

    def test_head_has_the_fields_without_the_body(self):
        get, head = self.server.ask("GET", "/v1/models"), self.server.ask("HEAD", "/v1/models")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.fields["content-length"], get.fields["content-length"])
        self.assertRegex(get.fields["date"], r"^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
        refused = self.server.ask("HEAD", "/v1/models", None, {"Host": "evil.example"})
        self.assertEqual((refused.status, refused.body), (403, b""))

    def test_the_page_allows_nothing_from_outside(self):
        answer = self.server.ask("GET", "/")
        self.assertEqual(answer.status, 200)
        policy = answer.fields["content-security-policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("http", policy)
        page = answer.body.decode()
        for element in ["script", "style"]:
            text = page.split(f"<{element}>", 1)[1].split(f"</{element}>", 1)[0]
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            self.assertIn(f"{element}-src 'sha256-{digest}';", policy)

    def test_metrics_are_prometheus_text(self):
        before = self.server.metric("generation_tokens_total")
        self.assertGreaterEqual(before, 0)
        body = self.server.ask("GET", "/metrics").body.decode()
        for line in body.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) redrafter:\w+ .+|redrafter:\w+(\{\w+="[^"]*"\})? [0-9.e+-]+)$')


if __name__ == "__main__":
    unittest.main()
