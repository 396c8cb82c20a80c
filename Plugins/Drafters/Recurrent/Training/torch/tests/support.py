"""What the tests share: a toy model with its data, runs of both trainers, the command `redrafter` (REDRAFTER)."""
import contextlib
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

import numpy as np

import toy

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, PACKAGE)
BUILT = os.path.join(PACKAGE, "../../../../../.build/release/redrafter")
COMMAND = os.path.abspath(os.environ.get("REDRAFTER") or BUILT)
FLAGS = ("--iters 20 --steps-per-report 1 --batch-size 128 --warmup 5 --draft-vocab 200 -t 1").split()

# Of losses; the model's passes differ in their last bits.
TOLERANCE = 1e-3


class ToyTests(unittest.TestCase):
    """Tests with a folder of their own and one toy model, whose data are made once."""

    _shared = None

    @classmethod
    def setUpClass(cls):
        if ToyTests._shared is None:
            if not os.path.exists(COMMAND):
                raise RuntimeError(
                    f"{COMMAND} is missing: run `make build`, or set REDRAFTER to the path of a redrafter")
            folder = tempfile.TemporaryDirectory(prefix="redrafter-torch-")
            ToyTests._shared = folder  # removed at the end of the process
            toy.write_model(os.path.join(folder.name, "toy"))
            toy.write_prompts(os.path.join(folder.name, "prompts.jsonl"), 120)
            cls.generate("data")
            cls.generate("bare", "--no-hidden")

    @classmethod
    def generate(cls, data, *flags, model="toy", prompts="prompts.jsonl"):
        cls.redrafter(
            "distill", "generate", "-m", model, "--prompts", prompts, "-o", data, "--tokens", "6000",
            "--max-tokens", "150", "--top-k", "8", "--greedy-share", "0.5", "--shard-answers", "15", "-t", "1", *flags)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="test-", dir=ToyTests._shared.name)
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        """A path in the folder of the test."""
        return os.path.join(self.folder, name)

    @staticmethod
    def shared(name):
        return os.path.join(ToyTests._shared.name, name)

    @staticmethod
    def redrafter(*arguments):
        """What the command prints."""
        done = subprocess.run(
            [COMMAND, *arguments], cwd=ToyTests._shared.name, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise AssertionError(f"redrafter {' '.join(arguments)}: {done.returncode}\n{done.stderr}")
        return done.stdout

    def train_swift(self, output, *flags, data="data", model="toy"):
        """The log of a run of the Swift trainer."""
        self.redrafter("train", "rnn", "-m", model, *sets(data), "-o", self.path(output), *FLAGS, *flags)
        return log(self.path(output))

    def train(self, output, *flags, data="data", model="toy", expected=0):
        """The log of a run of this trainer in this process, and what it said. Paths are below the shared folder."""
        from redrafter_torch.train import main
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            code = main([*sets(data, self.shared), "--model", self.shared(model), "-o", self.path(output),
                         *FLAGS, *flags])
        self.assertEqual(code, expected, said.getvalue())
        return log(self.path(output)) if code == 0 else None, said.getvalue()

    def fails(self, text, *flags, **inputs):
        """What a run of this trainer said that ended with this error."""
        _, said = self.train("run", *flags, expected=1, **inputs)
        self.assertIn(text, said)
        errors = [line for line in said.splitlines() if line.startswith("error: ")]
        self.assertEqual(len(errors), 1, said)
        self.assertNotIn("Traceback", said)
        return said

    def train_with_processes(self, count, output, *flags, data="data"):
        """The log of a run with torchrun."""
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(count),
                   "-m", "redrafter_torch.train", "--data", self.shared(data), "--model", self.shared("toy"),
                   "-o", self.path(output), "--device", "cpu", *FLAGS, *flags]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": PACKAGE, "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"},
            capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        return log(self.path(output))

    def assert_same_losses(self, first, second, tolerance, steps=20):
        """Losses of all steps, and of held-out answers; the largest difference is printed."""
        pairs = list(zip(losses(first), losses(second), strict=True))
        self.assertGreaterEqual(len(pairs), steps)
        largest = max(abs(a - b) for a, b in pairs)
        print(f"  {self.id().split('.')[-1]}: the largest difference of {len(pairs)} losses is {largest:.1e}")
        self.assertLess(largest, tolerance)
        held = [[line["eval"]["loss"] for line in lines if "eval" in line] for lines in (first, second)]
        self.assertEqual(len(held[0]), len(held[1]))
        for a, b in zip(*held):
            self.assertLess(abs(a - b), tolerance)


class ComparedTests(ToyTests):
    """Tests that train with both trainers."""

    def check(self, *flags, name="", tolerance=TOLERANCE, steps=20, **inputs):
        """Trains with both; returns what this trainer said."""
        first = self.train_swift(name + "swift", *flags, **inputs)
        second, said = self.train(name + "torch", *flags, **inputs)
        self.assert_same_losses(first, second, tolerance, steps)
        for a, b in zip(first, second):
            if "loss" in a:
                self.assertLess(max(abs(x - y) for x, y in zip(a["top1"], b["top1"])), 0.02)
                self.assertEqual(set(a), set(b))
                self.assertAlmostEqual(a["learning_rate"], b["learning_rate"], places=8)
        self._check_files(*(self.path(f"{name}{trainer}/drafter.gguf") for trainer in ("swift", "torch")))
        return said

    def _check_files(self, *paths):
        """The files differ in nothing but the last bits of weights, and in what one trainer alone records."""
        contents = [json.loads(self.redrafter("inspect", path, "--json")) for path in paths]
        self.assertEqual(*(metadata(content) for content in contents))
        self.assertEqual(*(record(content) for content in contents))
        swift, torch = (tensors(path) for path in paths)
        self.assertEqual(list(swift), list(torch))
        for name, values in swift.items():
            difference = np.sqrt(np.mean((values - torch[name]) ** 2))
            self.assertLess(difference, 0.02 * max(1e-2, float(values.std())), name)

    def check_drafts(self):
        """Answers are those of plain decoding; as many guesses are confirmed as with the Swift trainer's drafter."""
        lengths = []
        for name in ("swift", "torch"):
            result = json.loads(self.redrafter(
                "compare", "-m", "toy", "--drafters", "rnn,none", "--drafter-model", self.path(f"{name}/drafter.gguf"),
                "--prompts", "prompts.jsonl", "--limit", "40", "-n", "40", "-r", "1", "-t", "1", "-o", "json",
                "--tree", "most-probable", "--max-rows", "8"))
            rnn = next(entry for entry in result["drafters"] if entry["drafter"] == "rnn")
            self.assertTrue(rnn["identical"])
            lengths.append(rnn["mean_acceptance_length"])
        print(f"  {self.id().split('.')[-1]}: tokens a step {lengths[0]:.4f} (Swift), {lengths[1]:.4f}")
        self.assertGreater(lengths[1], 1.1)
        self.assertAlmostEqual(*lengths, delta=0.01)


def sets(data, place=str):
    """The flags for one or several data sets."""
    return [word for name in ([data] if isinstance(data, str) else data) for word in ("--data", place(name))]


def log(folder):
    with open(os.path.join(folder, "log.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def losses(lines):
    return [line["loss"] for line in lines if "loss" in line]


def tensors(path):
    """Tensors of a GGUF file in F16 and F32, by name; metadata are skipped by what they look like to `struct`."""
    with open(path, "rb") as file:
        data = file.read()
    place = 4

    def take(form):
        nonlocal place
        values = struct.unpack_from("<" + form, data, place)
        place += struct.calcsize("<" + form)
        return values if len(values) > 1 else values[0]

    def string():
        nonlocal place
        length = take("Q")
        place += length
        return data[place - length:place].decode()

    def skip(kind):
        nonlocal place
        if kind == 8:
            string()
        elif kind == 9:
            element, count = take("IQ")
            for _ in range(count):
                skip(element)
        else:
            place += {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}[kind]

    _, count, pairs = take("IQQ")
    for _ in range(pairs):
        string()
        skip(take("I"))
    entries = []
    for _ in range(count):
        name, dimensions = string(), take("I")
        shape = [take("Q") for _ in range(dimensions)]
        kind, offset = take("IQ")
        entries.append((name, shape[::-1], {0: "<f4", 1: "<f2"}[kind], offset))
    start = place + -place % 32
    return {
        name: np.frombuffer(data, kind, int(np.prod(shape)), start + offset).reshape(shape).astype(np.float32)
        for name, shape, kind, offset in entries
    }


def positions(said):
    """How many a run trains on, by what it said."""
    return int(re.search(r"(\d+) positions,", said)[1])


def metadata(content):
    """What `redrafter inspect --json` says about a drafter, without what differs between the trainers."""
    content = {key: value for key, value in content.items() if key not in ("path", "file_bytes", "notes")}
    return json.loads(re.sub(r'"\{\\"(trainer|drafter)\\".*?\}\}"', '"settings"', json.dumps(content)))


def record(content):
    """The record of the run in the same, without what one trainer alone writes; numbers as float32."""
    members = json.loads(content["drafter"]["notes"]["training_settings"])
    return {
        key: float(np.float32(value)) if isinstance(value, float) else value
        for key, value in members.items() if key not in ("trainer", "threads")
    }
