"""The load generator `ab` against the server: every request is answered, and the counters of the server agree.

`ab` is part of Debian's package apache2-utils. It speaks HTTP/1.0.
"""
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest

import running

REQUESTS, CLIENTS, TOKENS = 200, 12, 4


@unittest.skipUnless(shutil.which("ab"), "ab is missing; install apache2-utils")
class LoadTests(running.ServerTests):
    def setUp(self):
        self.require_own()

    def counters(self):
        """Requests by how they ended, and generated tokens, as soon as nothing runs or waits."""
        deadline = time.monotonic() + 20
        while True:
            values = running.wire.metrics(self.server.get("/metrics").bytes.decode())
            if values["redrafter:num_requests_running"] + values["redrafter:num_requests_waiting"] == 0:
                break
            self.assertLess(time.monotonic(), deadline, "requests run or wait although all clients have left")
            time.sleep(0.05)
        ended = {reason: values[f'redrafter:request_success_total{{finished_reason="{reason}"}}']
                 for reason in ("stop", "length", "abort", "error")}
        return ended | {"refused": values["redrafter:requests_refused_total"],
                        "tokens": values["redrafter:generation_tokens_total"]}

    def load(self, path, *options):
        """What `ab` says of a run; a line that it leaves out where there is nothing to say is 0."""
        command = ["ab", "-q", "-l", "-s", "60", "-n", str(REQUESTS), "-c", str(CLIENTS), *options, self.server.url + path]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout)
        said = {name: int(number) for name, number in re.findall(r"^([A-Z][\w -]+ (?:requests|responses|errors)): +(\d+)$",
                                                                 done.stdout, re.MULTILINE)}
        self.assertEqual(said.get("Complete requests"), REQUESTS, done.stdout)
        for name in ("Failed requests", "Non-2xx responses", "Write errors"):
            self.assertEqual(said.get(name, 0), 0, done.stdout)
        return said

    def check(self, *options, **fields):
        """Chats of a few tokens; each of them is counted once."""
        body = {"model": self.server.model, "messages": [{"role": "user", "content": "Count from one to a hundred."}],
                "max_tokens": TOKENS, **fields}
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "body.json")
            with open(file, "w") as stream:
                json.dump(body, stream)
            before = self.counters()
            said = self.load("/v1/chat/completions", "-p", file, "-T", "application/json", *options)
            after = self.counters()
        self.assertEqual({name: after[name] - before[name] for name in after},
                         {"stop": 0, "length": REQUESTS, "abort": 0, "error": 0, "refused": 0, "tokens": REQUESTS * TOKENS})
        return said

    def test_every_request_of_a_load_is_answered_and_counted(self):
        self.check()

    def test_clients_that_ask_for_a_kept_connection_are_answered_and_counted(self):
        self.check("-k")

    def test_streams_are_answered_and_counted(self):
        self.check(stream=True)

    def test_many_looks_at_the_state_are_answered(self):
        for options in [(), ("-k",)]:
            with self.subTest(options=options):
                self.load("/health", *options)


if __name__ == "__main__":
    unittest.main()
