"""The package `openai` against a running server."""
import asyncio
import time
import unittest

import running

try:
    import openai
except ImportError:
    raise unittest.SkipTest("the package openai is not installed; .ci/test-clients installs it") from None

QUESTION = [{"role": "user", "content": "Explain in two sentences why the sky is blue."}]


class ClientTests(running.ServerTests):
    def setUp(self):
        self.client = openai.OpenAI(base_url=self.server.url + "/v1", api_key="none", max_retries=0, timeout=120)
        self.addCleanup(self.client.close)

    def chat(self, **fields):
        return self.client.chat.completions.create(
            **{"model": self.server.model, "messages": QUESTION, "max_tokens": 24, "temperature": 0} | fields)

    def complete(self, **fields):
        return self.client.completions.create(
            **{"model": self.server.model, "prompt": "Once upon a time", "max_tokens": 24, "temperature": 0} | fields)


class AnswerTests(ClientTests):
    def test_the_list_of_models_names_the_model(self):
        models = self.client.models.list().data
        self.assertEqual([m.id for m in models], [self.server.model])
        self.assertEqual(models[0].object, "model")

    def test_a_whole_answer_has_all_members(self):
        answer = self.chat()
        self.assertEqual(answer.object, "chat.completion")
        self.assertTrue(answer.id)
        self.assertAlmostEqual(answer.created, time.time(), delta=600)
        choice, = answer.choices
        self.assertEqual((choice.index, choice.message.role, choice.finish_reason), (0, "assistant", "length"))
        self.assertTrue(choice.message.content)
        self.assertEqual(answer.usage.completion_tokens, 24)
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + 24)
        self.assertLessEqual(answer.usage.prompt_tokens_details.cached_tokens, answer.usage.prompt_tokens)
        self.assertEqual(answer.timings["predicted_n"], 24)

    def test_a_stream_gives_the_same_text_as_a_whole_answer(self):
        whole = self.chat()
        chunks = list(self.chat(stream=True, stream_options={"include_usage": True}))
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        reasons = [c.choices[0].finish_reason for c in chunks if c.choices]
        self.assertEqual([r for r in reasons if r], ["length"])
        self.assertEqual(reasons[-1], "length")
        self.assertEqual(chunks[-1].choices, [])
        self.assertEqual(chunks[-1].usage.completion_tokens, 24)
        self.assertEqual(chunks[-1].usage.prompt_tokens, whole.usage.prompt_tokens)
        self.assertEqual({c.id for c in chunks}, {chunks[0].id})
        self.assertEqual({c.object for c in chunks}, {"chat.completion.chunk"})

    def test_a_stream_has_usage_only_where_it_is_wanted(self):
        chunks = list(self.chat(stream=True))
        self.assertTrue(all(c.usage is None and c.choices for c in chunks))

    def test_pieces_of_a_stream_are_its_text(self):
        self.require_own()
        for chunk in self.chat(stream=True):
            extension = (chunk.model_extra or {}).get("redrafter")
            if extension and extension["pieces"]:
                self.assertEqual("".join(p["text"] for p in extension["pieces"]), chunk.choices[0].delta.content)
                self.assertGreaterEqual(extension["rows"], extension["own_rows"])
                self.assertGreaterEqual(extension["texts"], 1)

    def test_a_completion_continues_a_text(self):
        whole = self.complete()
        self.assertEqual(whole.object, "text_completion")
        self.assertEqual((whole.choices[0].finish_reason, whole.usage.completion_tokens), ("length", 24))
        streamed = "".join(c.choices[0].text for c in self.complete(stream=True) if c.choices)
        self.assertEqual(streamed, whole.choices[0].text)

    def test_both_names_of_the_limit_count(self):
        self.assertEqual(self.chat(max_tokens=3).usage.completion_tokens, 3)
        answer = self.client.chat.completions.create(
            model=self.server.model, messages=QUESTION, max_completion_tokens=5, temperature=0)
        self.assertEqual(answer.usage.completion_tokens, 5)

    def test_a_stop_text_ends_the_answer_and_is_no_part_of_it(self):
        text = self.chat(max_tokens=48).choices[0].message.content
        stop = text.split()[5]
        for value in (stop, [stop, "never in there"]):
            answer = self.chat(max_tokens=48, stop=value).choices[0]
            self.assertEqual(answer.finish_reason, "stop")
            self.assertEqual(answer.message.content, text[:text.index(stop)])
            chunks = list(self.chat(max_tokens=48, stop=value, stream=True))
            self.assertEqual("".join(c.choices[0].delta.content or "" for c in chunks), text[:text.index(stop)])

    def test_the_same_seed_gives_the_same_text(self):
        answers = [self.chat(temperature=0.8, seed=seed).choices[0].message.content for seed in (7, 7, 8)]
        self.assertEqual(answers[0], answers[1])
        self.assertNotEqual(answers[0], answers[2])

    def test_several_choices_have_their_own_numbers(self):
        answer = self.chat(n=3, temperature=0.9, seed=5)
        self.assertEqual(sorted(c.index for c in answer.choices), [0, 1, 2])
        if self.server.is_own:
            self.assertEqual(answer.usage.completion_tokens, 72)
        texts = {c.index: c.message.content for c in answer.choices}
        self.assertGreater(len(set(texts.values())), 1)
        streamed, reasons = {0: "", 1: "", 2: ""}, {}
        for chunk in self.chat(n=3, temperature=0.9, seed=5, stream=True):
            for choice in chunk.choices:
                streamed[choice.index] += choice.delta.content or ""
                if choice.finish_reason:
                    reasons[choice.index] = choice.finish_reason
        self.assertEqual(streamed, texts)
        self.assertEqual(reasons, {0: "length", 1: "length", 2: "length"})
        self.assertEqual(len({c.message.content for c in self.chat(n=2).choices}), 1)

    def test_a_bias_keeps_a_token_out(self):
        first = self.complete(max_tokens=1, logprobs=0).choices[0].text
        token, = self.client.post("/../tokenize", body={"content": first}, cast_to=object)["tokens"]
        banned = self.complete(max_tokens=1, logit_bias={str(token): -100}).choices[0].text
        self.assertNotEqual(banned, first)

    def test_penalties_and_other_fields_are_taken(self):
        answer = self.chat(presence_penalty=0.5, frequency_penalty=0.5, top_p=0.9, user="someone",
                           extra_body={"top_k": 20, "min_p": 0.1})
        self.assertTrue(answer.choices[0].message.content)

    def test_a_conversation_with_several_turns_is_answered(self):
        messages = [{"role": "system", "content": "You answer briefly."}, *QUESTION, {"role": "assistant", "content": "Light scatters."},
                    {"role": "user", "content": [{"type": "text", "text": "And at night?"}]}]
        self.assertTrue(self.chat(messages=messages).choices[0].message.content)

    def test_speculation_never_changes_the_text(self):
        self.require_own()
        text = self.chat(max_tokens=40).choices[0].message.content
        variants = [{"speculation": False}, {"speculation": True}, {"speculation": {"max_rows": 4}},
                    *({"drafter": name} for name in self.server.drafters)]
        for extra in variants:
            with self.subTest(extra=extra):
                self.assertEqual(self.chat(max_tokens=40, extra_body=extra).choices[0].message.content, text)


class LogProbabilityTests(ClientTests):
    def check(self, entries, text, top):
        self.assertEqual("".join(e.token for e in entries), text)
        for entry in entries:
            self.assertLessEqual(entry.logprob, 0)
            self.assertEqual(bytes(entry.bytes).decode(), entry.token)
            self.assertEqual(len(entry.top_logprobs), top)
            values = [t.logprob for t in entry.top_logprobs]
            self.assertEqual(values, sorted(values, reverse=True))
            if top:
                self.assertEqual((entry.top_logprobs[0].token, entry.top_logprobs[0].logprob), (entry.token, entry.logprob))

    def test_chat_answers_have_log_probabilities(self):
        for top in (0, 3) if self.server.is_own else (3,):
            choice, = self.chat(logprobs=True, top_logprobs=top).choices
            self.assertEqual(len(choice.logprobs.content), 24)
            self.check(choice.logprobs.content, choice.message.content, top)

    def test_streams_have_the_same_log_probabilities(self):
        whole = self.chat(logprobs=True, top_logprobs=2).choices[0].logprobs.content
        streamed = [e for c in self.chat(logprobs=True, top_logprobs=2, stream=True) for choice in c.choices
                    for e in (choice.logprobs.content if choice.logprobs else None) or []]
        self.assertEqual([e.model_dump() for e in streamed], [e.model_dump() for e in whole])

    def test_completions_have_log_probabilities(self):
        self.require_own()
        choice = self.complete(logprobs=3).choices[0]
        values = choice.logprobs
        self.assertEqual("".join(values.tokens), choice.text)
        self.assertEqual(len(values.token_logprobs), len(values.tokens))
        self.assertEqual(values.text_offset[0], 0)
        for token, value, top in zip(values.tokens, values.token_logprobs, values.top_logprobs):
            self.assertEqual(max(top.values()), value)
            self.assertIn(token, top)


class ErrorTests(ClientTests):
    def fails(self, kind, param=None, **fields):
        with self.assertRaises(kind) as caught:
            self.chat(**fields)
        if self.server.is_own:
            body = caught.exception.body
            self.assertEqual(sorted(body), ["code", "message", "param", "type"])
            self.assertTrue(body["message"])
            self.assertEqual(caught.exception.param, param)
        return caught.exception

    def test_bad_values_are_bad_requests_that_name_the_field(self):
        self.require_own()
        cases = {
            "temperature": [-1, "hot", {}], "top_p": [-0.1, 2], "max_tokens": [-5, 2**63, "many"], "n": [0, 10**9, "two"],
            "top_logprobs": [10**6], "stop": [[""], [1], ["x"] * 10**5], "logit_bias": [{"99999999": 1}, {"-1": 1}, {"1": 1e9}],
            "messages": [[], "text", [{"role": "nobody", "content": "x"}], [{"role": "user"}]],
            "stream": ["yes"], "seed": ["one"], "tools": [[{"type": "function", "function": {"name": "f", "parameters": {}}}]],
            "response_format": [{"type": "json_object"}, {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}],
        }
        for field, values in cases.items():
            for value in values:
                with self.subTest(field=field, value=str(value)[:40]), self.assertRaises(openai.BadRequestError) as caught:
                    extra = {"logprobs": True} if field == "top_logprobs" else {}
                    began = time.monotonic()
                    self.chat(extra_body={field: value} | extra)
                self.assertTrue((caught.exception.param or "").startswith(field), f"{field}: {caught.exception.param}")
                self.assertEqual(caught.exception.body["type"], "invalid_request_error")
                self.assertLess(time.monotonic() - began, 2)

    def test_images_are_refused(self):
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
        with self.assertRaises(openai.BadRequestError if self.server.is_own else openai.APIStatusError):
            self.chat(messages=[{"role": "user", "content": [picture]}])

    def test_a_prompt_beyond_the_context_is_a_bad_request(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat(messages=[{"role": "user", "content": "word " * 20_000}])
        if self.server.is_own:
            self.assertEqual(caught.exception.code, "context_length_exceeded")

    def test_an_unknown_model_is_not_found(self):
        self.require_own()
        error = self.fails(openai.NotFoundError, param="model", model="../../etc/passwd")
        self.assertEqual(error.code, "model_not_found")

    def test_an_unknown_drafter_is_a_bad_request(self):
        self.require_own()
        self.fails(openai.BadRequestError, param="drafter", extra_body={"drafter": "nobody"})

    def test_an_unknown_route_is_not_found(self):
        with self.assertRaises(openai.NotFoundError):
            self.client.embeddings.create(model=self.server.model, input="x") if self.server.is_own else \
                self.client.post("/nowhere", body={}, cast_to=object)

    def test_after_errors_the_same_answers_come(self):
        before = self.chat().choices[0].message.content
        for _ in range(20):
            with self.assertRaises(openai.APIStatusError):
                self.chat(messages=[{"role": "user", "content": "word " * 20_000}])
        self.assertEqual(self.chat().choices[0].message.content, before)


class AsyncTests(running.ServerTests, unittest.IsolatedAsyncioTestCase):
    def client(self):
        return openai.AsyncOpenAI(base_url=self.server.url + "/v1", api_key="none", max_retries=2, timeout=120)

    def fields(self, number):
        sampling = {"temperature": 0.8, "seed": number} if number % 2 else {"temperature": 0}
        return {"model": self.server.model, "max_tokens": 16 + number,
                "messages": [{"role": "user", "content": f"Tell me about the number {number}."}], **sampling}

    async def test_answers_under_load_are_those_alone(self):
        self.require_own()
        async with self.client() as client:
            async def whole(number):
                return (await client.chat.completions.create(**self.fields(number))).choices[0].message.content

            async def streamed(number):
                stream = await client.chat.completions.create(**self.fields(number), stream=True)
                return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])

            alone = [await whole(number) for number in range(12)]
            together = await asyncio.gather(*((streamed if n % 3 else whole)(n) for n in range(12)))
            self.assertEqual(together, alone)

    async def test_a_stream_that_is_closed_ends_its_text(self):
        self.require_own()
        async with self.client() as client:
            stream = await client.chat.completions.create(
                model=self.server.model, messages=[{"role": "user", "content": "Write a very long story."}], max_tokens=1500, stream=True)
            async for _ in stream:
                break
            await stream.close()
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            text = (await running.wire.send(self.server.address, "GET", "/metrics")).bytes.decode()
            if running.wire.metrics(text)["redrafter:num_requests_running"] == 0:
                return
            await asyncio.sleep(0.05)
        self.fail("the text is still being generated")


class LimitedServerTests(unittest.TestCase):
    """Servers of their own: with a key, and with room for few requests."""

    def start(self, *options, **variables):
        if not running.server().is_own:
            self.skipTest("only redrafter is started with its options")
        server = running.start(*options, **variables)
        self.addCleanup(server.stop)
        server.wait_until_healthy()
        return server

    def client(self, server, **options):
        host, port = server.address
        return openai.OpenAI(base_url=f"http://{host}:{port}/v1", **{"api_key": "none", "max_retries": 0, "timeout": 120} | options)

    def test_a_wrong_key_is_an_authentication_error(self):
        server = self.start("--parallel", "1", REDRAFTER_API_KEY="right-key")
        self.assertTrue(self.client(server, api_key="right-key").models.list().data)
        messages = set()
        for key in ("wrong", "right-ke", "right-key2", "x" * 4096):
            with self.assertRaises(openai.AuthenticationError) as caught:
                self.client(server, api_key=key).models.list()
            messages.add(caught.exception.message)
        self.assertEqual(len(messages), 1)

    def test_a_full_queue_is_a_rate_limit_error_that_says_when_to_come_back(self):
        server = self.start("--parallel", "1", "--queue", "1")
        results = asyncio.run(self.burst(server, max_retries=0))
        refused = [r for r in results if isinstance(r, Exception)]
        self.assertGreaterEqual(len(refused), 1)
        self.assertGreaterEqual(len(results) - len(refused), 2)
        for error in refused:
            self.assertIsInstance(error, openai.RateLimitError)
            self.assertGreaterEqual(int(error.response.headers["retry-after"]), 1)
        self.assertEqual(len({r for r in results if isinstance(r, str)}), 1)

    def test_the_client_comes_back_by_itself(self):
        server = self.start("--parallel", "1", "--queue", "2")
        results = asyncio.run(self.burst(server, max_retries=10))
        self.assertEqual([r for r in results if isinstance(r, Exception)], [])
        self.assertEqual(len(set(results)), 1)

    async def burst(self, server, max_retries):
        host, port = server.address
        async with openai.AsyncOpenAI(base_url=f"http://{host}:{port}/v1", api_key="none", max_retries=max_retries, timeout=120) as client:
            async def one():
                answer = await client.chat.completions.create(
                    model=running.server().model, messages=QUESTION, max_tokens=200, temperature=0)
                return answer.choices[0].message.content
            return await asyncio.gather(*(one() for _ in range(6)), return_exceptions=True)


if __name__ == "__main__":
    unittest.main()
