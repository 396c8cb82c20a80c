"""Bad inputs give one clear sentence and leave what was there as it was."""
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import unittest

import support
import toy
from redrafter_torch.data import Data


class ErrorTests(support.ToyTests):
    def copied_data(self):
        """A copy of the data that may be damaged; its name below the shared folder."""
        shutil.copytree(self.shared("data"), self.path("data"))
        return os.path.relpath(self.path("data"), self.shared(""))

    def test_missing_data(self):
        self.fails("manifest.json is missing", data="nothing")

    def test_missing_shard(self):
        data = self.copied_data()
        os.remove(self.path("data/answers-00001.safetensors"))
        self.fails("answers-00001.safetensors is missing", data=data)

    def test_altered_shard(self):
        data = self.copied_data()
        with open(self.path("data/answers-00001.safetensors"), "r+b") as file:
            file.seek(-10, os.SEEK_END)
            file.write(b"0123456789")
        self.fails("was altered after it was made", data=data)

    def test_shortened_shard(self):
        data = self.copied_data()
        os.truncate(self.path("data/answers-00000.safetensors"), 20000)
        self.fails("answers-00000.safetensors is no safetensors file", data=data)

    def test_shard_without_digest_is_read(self):
        data = self.copied_data()
        with open(self.path("data/manifest.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        for shard in manifest["shards"]:
            shard.pop("sha256", None)
        with open(self.path("data/manifest.json"), "w", encoding="utf-8") as file:
            json.dump(manifest, file)
        self.train("run", "--iters", "1", data=data)

    def test_damaged_manifest(self):
        data = self.copied_data()
        for content in ("{", "[]", '{"format": "x", "version": 1}',
                        '{"format": "redrafter-distillation", "version": 1}'):
            with open(self.path("data/manifest.json"), "w", encoding="utf-8") as file:
                file.write(content)
            self.fails("manifest.json", data=data)

    def test_data_sets_that_do_not_belong_together(self):
        toy.write_model(self.shared("deep"), layers=3)
        self.generate("deep-data", "--tokens", "500", model="deep")
        self.generate("wide-data", "--tokens", "500", "--top-k", "4")
        self.fails("deep-data/manifest.json: the model is ", data=("data", "deep-data"))
        for other, shape in (("wide-data", "(4, 64)"), ("bare", "(8, 0)")):
            self.fails(f"what it stores, (top k, hidden), is {shape}, expected (8, 64), as in", data=("data", other))
        self.fails("nothing/manifest.json is missing", data=("data", "nothing"))

    def test_the_same_data_set_twice(self):
        copy = self.copied_data()
        for data in (("data", "data"), ("data", copy)):
            self.fails(f"{self.shared(data[1])} holds the same answers as {self.shared('data')}", data=data)

    def test_text_that_is_longer_than_the_context(self):
        longest = Data([self.shared("data")]).longest_text
        for context in (longest - 1, longest):
            toy.write_model(self.path(f"context-{context}"), context=context)
        short, exact = (
            os.path.relpath(self.path(f"context-{context}"), self.shared("")) for context in (longest - 1, longest))
        self.fails(f"the longest text of the data has {longest} tokens", "--taps", "0", model=short)
        self.train("taps", "--iters", "1", "--taps", "0", model=exact)
        self.train("plain", "--iters", "1", model=short)

    def test_another_model(self):
        toy.write_model(self.path("deep"), layers=3)
        model = os.path.relpath(self.path("deep"), self.shared(""))
        self.fails("made by a model with number of layers 2", model=model)

    def test_another_model_of_the_same_sizes(self):
        toy.write_model(self.path("other"), seed=2)
        model = os.path.relpath(self.path("other"), self.shared(""))
        _, said = self.train("run", "--iters", "1", model=model)
        self.assertIn("is it the same model?", said)

    def test_folder_without_model(self):
        self.fails("config.json is missing", model="data")

    def test_taps(self):
        self.fails("layers 0 to 1 of this model", "--taps", "0,2")
        for taps in ("1,0", "x", "1,,2", "-1"):
            self.fails("--taps is", f"--taps={taps}")

    def test_numbers_out_of_range(self):
        for flags in (["--batch-size", "0"], ["--learning-rate", "nan"], ["--draft-length", "17"], ["--seed", "-1"],
                      ["--context-rate", "0"], ["--context-rate", "inf"]):
            self.fails(f"{flags[0]} is", *flags)

    def test_flags_of_a_context_block_that_is_not_there(self):
        for flag in ("--context-adds", "--no-tap-norm", "--no-context-layer"):
            self.fails(f"--{flag[2:].removeprefix('no-')} is", flag)

    def test_too_little_data(self):
        self.fails("positions to train on, one step takes 100000", "--batch-size", "100000")

    def test_output_in_use(self):
        self.train("run", "--iters", "1")
        self.fails("holds checkpoints of a run", "--iters", "1")

    def test_resume_without_checkpoint(self):
        os.makedirs(self.path("run"))
        with open(self.path("run/log.jsonl"), "w", encoding="utf-8") as file:
            file.write('{"step":1,"loss":2}\n')
        self.fails("holds no checkpoint to go on from", "--resume")
        self.assertEqual(support.log(self.path("run")), [{"step": 1, "loss": 2}])

    def test_resume_with_other_settings(self):
        self.train("run", "--iters", "2")
        self.fails("step_decay was 0.9, it is 0.8 now", "--iters", "2", "--resume", "--step-decay", "0.8")
        self.fails("context_rate was 0.1, it is 1.0 now", "--iters", "2", "--resume", "--context-rate", "1")

    def test_resume_with_other_data(self):
        data = self.copied_data()
        self.train("run", "--iters", "2", data=data)
        self.fails("data.", "--iters", "2", "--resume", data="bare")

    def test_resume_with_data_sets_in_another_order(self):
        self.generate("other", "--tokens", "500", "--max-tokens", "100")
        self.train("run", "--iters", "2", data=("data", "other"))
        for data in (("other", "data"), "data"):
            self.fails("data.", "--iters", "2", "--resume", data=data)
        self.train("run", "--iters", "2", "--resume", data=("data", "other"))

    def test_lock_is_neither_followed_nor_emptied(self):
        os.makedirs(self.path("run"))
        with open(self.path("precious"), "w", encoding="utf-8") as file:
            file.write("precious")
        os.symlink(self.path("precious"), self.path("run/lock"))
        self.fails("cannot be written to")
        with open(self.path("precious"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "precious")

    def test_diverging_run_stops(self):
        for flags in (["--learning-rate", "1e30"], ["--learning-rate", "1e30", "--iters", "2"],
                      ["--learning-rate", "1e6", "--iters", "2"]):
            self.fails("the training has diverged", "--warmup", "0", *flags)
            self.assertFalse(os.path.exists(self.path("run/drafter.gguf")))
            self.assertEqual([name for name in os.listdir(self.path("run")) if "checkpoint" in name], [])

    def test_missing_pytorch(self):
        with open(self.path("torch.py"), "w", encoding="utf-8") as file:
            file.write("raise ImportError('no module of this name')")
        done = subprocess.run(
            [sys.executable, "-m", "redrafter_torch.train"], capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([self.folder, support.PACKAGE])})
        self.assertEqual(done.returncode, 1)
        self.assertIn("PyTorch cannot be loaded: no module of this name", done.stderr)

    def test_help_and_unknown_flags(self):
        from redrafter_torch.settings import parse
        for flags, code in ((["--help"], 0), (["--data", "x"], 2)):
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                with self.assertRaises(SystemExit) as raised:
                    parse(flags)
            self.assertEqual(raised.exception.code, code)


if __name__ == "__main__":
    unittest.main()
