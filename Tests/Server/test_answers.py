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
    command = [running.binary(), "generate", "-m", running.model(), "-c", str(running.CONTEXT), "-p", prompt, "-n", "48", "--json",
               *options]
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


if __name__ == "__main__":
    unittest.main()
