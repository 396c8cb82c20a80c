"""Models fetched by redrafter are found by the package `huggingface_hub`, and the other way round, over a hub on loopback.

REDRAFTER is the command. Tests that load a model need torch and transformers, and are skipped where these are missing.
"""

import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

from local_hub import LocalHub, Repository

NAME = "org/toy"


def files():
    """Contents of two GGUF files and a folder of two shards: names and sizes matter here, not what is inside."""
    generator = random.Random(1)
    large = {
        path: generator.randbytes(200_000)
        for path in [
            "toy-Q4_K_M.gguf", "toy-Q8_0.gguf", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
            "sub/big-F16-00001-of-00002.gguf", "sub/big-F16-00002-of-00002.gguf",
        ]
    }
    small = {"README.md": b"# toy\n", "config.json": b"{}", "tokenizer.json": b"{}", "empty.txt": b""}
    return large | small | {"model.safetensors.index.json": b'{"weight_map": {}}'}


class HubTests(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.serve(Repository(NAME, files()))

    def serve(self, repository):
        self.repository = repository
        self.hub = LocalHub(repository)
        self.addCleanup(self.hub.close)

    def environment(self, offline):
        variables = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "TRANSFORMERS_"))}
        variables |= {
            "HF_HOME": self.directory.name, "REDRAFTER_CACHE": self.directory.name + "/own",
            "HF_ENDPOINT": "http://127.0.0.1:1" if offline else self.hub.endpoint,
            "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "*", "PYTHONDONTWRITEBYTECODE": "1",
        }
        return variables | ({"HF_HUB_OFFLINE": "1"} if offline else {})

    def redrafter(self, *arguments, offline=False):
        """What the command prints."""
        run = subprocess.run(
            [os.environ["REDRAFTER"], *arguments], env=self.environment(offline), capture_output=True, text=True,
            timeout=120)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.strip()

    def python(self, program, offline=False):
        """What a program prints as its last line."""
        run = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)], env=self.environment(offline), capture_output=True,
            text=True, timeout=300)
        self.assertEqual(run.returncode, 0, run.stderr)
        return (run.stdout.strip().splitlines() or [""])[-1]

    def content(self, path):
        with open(path, "rb") as file:
            return file.read()

    def test_python_finds_a_file_that_redrafter_fetched(self):
        path = self.redrafter("pull", NAME)
        self.assertTrue(path.endswith("/toy-Q4_K_M.gguf"))
        program = f"""
            from huggingface_hub import hf_hub_download
            print(hf_hub_download({NAME!r}, "toy-Q4_K_M.gguf"))
        """
        self.assertEqual(self.python(program, offline=True), path)
        self.assertEqual(self.content(path), self.repository.files["toy-Q4_K_M.gguf"])
        before = [r for r in self.hub.requests if r[1].startswith("/content/")]
        self.assertEqual(self.python(program), path)
        after = [r for r in self.hub.requests if r[1].startswith("/content/")]
        self.assertEqual(len(after), len(before), "Python has fetched it again")

    def test_python_reads_the_cache_that_redrafter_made(self):
        for name in [NAME, NAME + ":F16", NAME + "/config.json", NAME + "/empty.txt", NAME + ":Q8_0@main"]:
            self.redrafter("pull", name)
        listed = json.loads(self.python("""
            import json
            from huggingface_hub import scan_cache_dir
            cache = scan_cache_dir()
            repository, = cache.repos
            revision, = repository.revisions
            print(json.dumps({
                "warnings": [str(w) for w in cache.warnings], "name": repository.repo_id, "refs": sorted(revision.refs),
                "commit": revision.commit_hash,
                "files": {str(f.file_path.relative_to(revision.snapshot_path)): f.size_on_disk for f in revision.files},
            }))
        """, offline=True))
        names = [
            "toy-Q4_K_M.gguf", "toy-Q8_0.gguf", "sub/big-F16-00001-of-00002.gguf", "sub/big-F16-00002-of-00002.gguf",
            "config.json", "empty.txt",
        ]
        self.assertEqual(listed, {
            "warnings": [], "name": NAME, "refs": ["main"], "commit": self.repository.commit,
            "files": {name: len(self.repository.files[name]) for name in names},
        })

    def test_python_takes_a_folder_that_redrafter_fetched(self):
        for name in list(self.repository.files):
            if name.endswith(".gguf"):
                del self.repository.files[name]
        path = self.redrafter("pull", NAME)
        found = self.python(f"""
            from huggingface_hub import snapshot_download
            print(snapshot_download({NAME!r}, local_files_only=True))
        """, offline=True)
        self.assertEqual(found, path)
        # Only what redrafter has no use for is left to fetch; of an empty file there is nothing.
        before = len(self.hub.requests)
        self.python(f"""
            from huggingface_hub import snapshot_download
            snapshot_download({NAME!r})
        """)
        fetched = {r[1].split("/")[-1] for r in self.hub.requests[before:] if r[0] == "GET" and "/api/" not in r[1]}
        self.assertEqual(fetched - {"empty.txt"}, {"README.md"})

    def test_redrafter_finds_what_python_fetched(self):
        path = self.python(f"""
            from huggingface_hub import hf_hub_download
            print(hf_hub_download({NAME!r}, "toy-Q8_0.gguf"))
        """)
        self.assertEqual(self.redrafter("pull", NAME, offline=True), path)
        self.assertEqual(self.redrafter("pull", NAME + ":q8_0", offline=True), path)
        models = json.loads(self.redrafter("models", "--json", offline=True))
        self.assertEqual([(m["name"], m["path"], m["complete"]) for m in models], [(f"hf:{NAME}:Q8_0", path, True)])

    def test_redrafter_finds_a_whole_snapshot_of_python(self):
        folder = self.python(f"""
            from huggingface_hub import snapshot_download
            print(snapshot_download({NAME!r}))
        """)
        before = len(self.hub.requests)
        self.assertEqual(self.redrafter("pull", NAME, offline=True), folder + "/toy-Q4_K_M.gguf")
        self.assertEqual(
            self.redrafter("pull", NAME + ":F16", offline=True), folder + "/sub/big-F16-00001-of-00002.gguf")
        names = {m["name"] for m in json.loads(self.redrafter("models", "--json"))}
        self.assertEqual(names, {f"hf:{NAME}", f"hf:{NAME}:Q4_K_M", f"hf:{NAME}:Q8_0", f"hf:{NAME}:F16"})
        self.redrafter("pull", NAME)
        self.assertFalse([r for r in self.hub.requests[before:] if "/api/" not in r[1]], "something was fetched again")

    def test_redrafter_completes_what_python_began(self):
        self.python(f"""
            from huggingface_hub import hf_hub_download
            hf_hub_download({NAME!r}, "sub/big-F16-00002-of-00002.gguf")
        """)
        before = len(self.hub.requests)
        self.redrafter("pull", NAME + ":F16")
        fetched = [r[1] for r in self.hub.requests[before:] if r[1].startswith("/content/")]
        self.assertEqual(fetched, [f"/content/{NAME}/sub/big-F16-00001-of-00002.gguf"])

    def test_each_waits_for_the_lock_of_the_other(self):
        hold = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(f"""
                import os, sys, time
                from huggingface_hub.utils import WeakFileLock
                path = os.environ["HF_HOME"] + "/hub/.locks/models--org--toy/{self.repository.etag("toy-Q4_K_M.gguf")}.lock"
                os.makedirs(os.path.dirname(path))
                with WeakFileLock(path):
                    print("held", flush=True)
                    time.sleep(2)
            """)], env=self.environment(False), stdout=subprocess.PIPE, text=True)
        self.assertEqual(hold.stdout.readline(), "held\n")
        start = time.monotonic()
        run = subprocess.run(
            [os.environ["REDRAFTER"], "pull", NAME], env=self.environment(False), capture_output=True, text=True)
        self.assertGreater(time.monotonic() - start, 1)
        self.assertIn("waiting for it", run.stderr)
        self.assertEqual(run.returncode, 0)
        hold.wait()
        hold.stdout.close()


@unittest.skipUnless(
    all(importlib.util.find_spec(name) for name in ["torch", "transformers", "tokenizers"]),
    "torch and transformers are not installed")
class LoadTests(HubTests):
    """The same with a model that both sides load."""

    def setUp(self):
        super().setUp()
        folder = self.directory.name + "/made"
        self.python(f"""
            import torch, transformers
            from tokenizers import Tokenizer, decoders, models, pre_tokenizers
            alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
            vocabulary = {{token: id for id, token in enumerate(alphabet + ["<|end|>"])}}
            tokenizer = Tokenizer(models.BPE(vocabulary, []))
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            tokenizer.decoder = decoders.ByteLevel()
            tokenizer.add_special_tokens(["<|end|>"])
            transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>").save_pretrained({folder!r})
            torch.manual_seed(1)
            model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
                hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                vocab_size=len(vocabulary), max_position_embeddings=256, bos_token_id=None, eos_token_id=256))
            model.save_pretrained({folder!r}, max_shard_size="200KB")
        """)
        contents = {name: self.content(f"{folder}/{name}") for name in os.listdir(folder)}
        self.serve(Repository(NAME, contents))

    PROGRAM = f"""
        import torch, transformers
        tokenizer = transformers.AutoTokenizer.from_pretrained({NAME!r})
        model = transformers.AutoModelForCausalLM.from_pretrained({NAME!r}, dtype=torch.float32)
        ids = tokenizer("abc", return_tensors="pt").input_ids
        out = model.generate(ids, max_new_tokens=8, do_sample=False)[0, ids.shape[1]:]
        print(tokenizer.decode(out, skip_special_tokens=True).encode().hex())
    """

    def answer(self, offline):
        run = subprocess.run(
            [os.environ["REDRAFTER"], "generate", "-m", "hf:" + NAME, "-p", "abc", "-n", "8", "--no-chat-template",
             "--drafter", "none"], env=self.environment(offline), capture_output=True, timeout=120)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.decode(errors="replace").removesuffix("\n").encode().hex()

    def test_transformers_loads_what_redrafter_fetched(self):
        ours = self.answer(offline=False)
        self.assertEqual(self.python(self.PROGRAM, offline=True), ours)

    def test_redrafter_loads_what_transformers_fetched(self):
        theirs = self.python(self.PROGRAM)
        self.assertEqual(self.answer(offline=True), theirs)


# The tests of the base class run once.
for name in [name for name in dir(HubTests) if name.startswith("test_")]:
    setattr(LoadTests, name, None)


if __name__ == "__main__":
    unittest.main()
