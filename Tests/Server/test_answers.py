"""What the server answers is what `redrafter generate` prints for the same request: text, why it ended, and usage."""
import asyncio
import json
import subprocess
import unittest

import running

PROMPTS = [
    "Name three rivers of Europe.",
    "Write a short poem about rain.\nUse \"quotes\" and a tab:\there.",
    "Grüße! 你好 — what do these words mean? 😀",
    "def fibonacci(n):",
]


def generate(prompt, *options):
    command = [running.binary(), "generate", "-m", running.model(), "-c", str(running.CONTEXT), "-p", prompt, "--json", *options]
    command += [] if "-n" in options else ["-n", "48"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


class AnswersTests(running.ServerTests):
    def setUp(self):
        self.require_own()

    def ask(self, path, fields):
        body = {"model": self.server.model, "max_tokens": 48} | fields
        whole = asyncio.run(running.wire.send(self.server.address, "POST", path, body))
        self.assertEqual(whole.status, 200, whole.bytes)
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        stream = asyncio.run(running.wire.send(self.server.address, "POST", path, body))
        answers = [running.wire.Answer(whole), running.wire.Answer(stream)]
        self.assertTrue(all(answer.is_whole for answer in answers))
        return answers

    def check(self, answers, expected):
        for answer in answers:
            self.assertEqual(answer.text, expected["text"])
            self.assertEqual(answer.reason, expected["finish_reason"])
            self.assertEqual({name: answer.usage[name] for name in expected["usage"]}, expected["usage"])

    def test_greedy_chats_are_those_of_generate(self):
        for prompt in PROMPTS:
            with self.subTest(prompt=prompt):
                answers = self.ask("/v1/chat/completions", {"messages": [{"role": "user", "content": prompt}]})
                self.check(answers, generate(prompt))

    def test_sampled_chats_are_those_of_generate_with_the_same_seed(self):
        for seed, prompt in enumerate(PROMPTS, 1):
            with self.subTest(prompt=prompt):
                messages = [{"role": "user", "content": prompt}]
                answers = self.ask("/v1/chat/completions", {"messages": messages, "temperature": 0.8, "seed": seed})
                self.check(answers, generate(prompt, "--temp", "0.8", "--seed", str(seed)))

    def test_all_fields_of_sampling_mean_the_same(self):
        fields = {"temperature": 0.9, "top_k": 20, "top_p": 0.8, "min_p": 0.02, "presence_penalty": 0.4, "frequency_penalty": 0.3,
                  "seed": 11, "stop": ["."]}
        options = ["--temp", "0.9", "--top-k", "20", "--top-p", "0.8", "--min-p", "0.02", "--presence-penalty", "0.4",
                   "--frequency-penalty", "0.3", "--seed", "11", "--stop", "."]
        messages = [{"role": "system", "content": "You are a poet."}, {"role": "user", "content": PROMPTS[1]}]
        self.check(self.ask("/v1/chat/completions", {"messages": messages} | fields),
                   generate(PROMPTS[1], "--system", "You are a poet.", *options))

    def test_plain_texts_are_continued_as_by_generate(self):
        for extra, options in [({}, []), ({"temperature": 0.8, "seed": 3}, ["--temp", "0.8", "--seed", "3"])]:
            for prompt in PROMPTS:
                with self.subTest(prompt=prompt, extra=extra):
                    self.check(self.ask("/v1/completions", {"prompt": prompt} | extra),
                               generate(prompt, "--no-chat-template", *options))

    def test_every_drafter_of_the_server_gives_the_answer_of_plain_decoding(self):
        expected = generate(PROMPTS[0], "--drafter", "none")
        for name in self.server.drafters:
            with self.subTest(drafter=name):
                messages = [{"role": "user", "content": PROMPTS[0]}]
                self.check(self.ask("/v1/chat/completions", {"messages": messages, "drafter": name}), expected)

    def test_different_requests_at_once_are_answered_as_by_generate(self):
        cases = [self.case(number) for number in range(12)]
        expected = [generate(prompt, "-n", str(body["max_tokens"]), *options) for prompt, _, body, options in cases]

        async def all_at_once():
            requests = [running.wire.send(self.server.address, "POST", path, body) for _, path, body, _ in cases]
            return await asyncio.gather(*requests)

        # The second time the beginnings of all texts are known.
        for attempt in range(2):
            for number, response in enumerate(asyncio.run(all_at_once())):
                with self.subTest(attempt=attempt, body=cases[number][2]):
                    answer = running.wire.Answer(response)
                    self.assertTrue(answer.is_whole, response.bytes)
                    self.check([answer], expected[number])

    def case(self, number):
        """A prompt, the path, the body and the options of `generate`: greedy and sampled, short and long, chats and plain texts,
        streamed and whole, with each drafter."""
        prompt = f"{PROMPTS[number % len(PROMPTS)]} ({number})"
        body = {"model": self.server.model, "max_tokens": [3, 17, 48, 96, 140][number % 5]}
        options = []
        if number % 2:
            body |= {"temperature": 0.8, "seed": 100 + number}
            options += ["--temp", "0.8", "--seed", str(100 + number)]
        if number % 3:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        # The third of every three leaves the choice to the server.
        if self.server.drafters and number // 2 % 3 < 2:
            body["drafter"] = self.server.drafters[number // 2 % len(self.server.drafters)]
        if number % 4 == 3:
            return prompt, "/v1/completions", body | {"prompt": prompt}, ["--no-chat-template", *options]
        return prompt, "/v1/chat/completions", body | {"messages": [{"role": "user", "content": prompt}]}, options


if __name__ == "__main__":
    unittest.main()
