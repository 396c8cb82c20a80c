"""Runs that begin with the weights of another drafter."""
import os
import unittest

import numpy as np

import support
import toy
from redrafter_torch import gguf
from redrafter_torch.manifest import Manifest

# One step that changes nothing to speak of.
ONCE = ("--iters", "1", "--learning-rate", "1e-9")


class StartTests(support.ComparedTests):
    def drafter(self, name):
        return self.path(f"{name}/drafter.gguf")

    def held_out_loss(self, output, *flags):
        lines, _ = self.train(output, *flags)
        return lines[-1]["eval"]["loss"]

    def test_a_drafter_of_the_swift_trainer_goes_on(self):
        last = self.train_swift("base", "--draft-vocab", "100")[-1]["eval"]["loss"]
        self.check("--start", self.drafter("base"))
        self.check_drafts()
        self.assertAlmostEqual(self.held_out_loss("again", *ONCE, "--start", self.drafter("base")), last, delta=1e-3)
        self.assertGreater(self.held_out_loss("fresh", *ONCE, "--draft-vocab", "100"), last + 0.01)

    def test_a_drafter_of_this_trainer_in_f32_goes_on(self):
        self.train("base", "--type", "f32", "--draft-vocab", "0", "--exit-dim", "32")
        self.check("--start", self.drafter("base"), "--exit-dim", "32", "--survival")

    def test_a_drafter_gains_a_context_block_and_keeps_it(self):
        last = self.train("base", "--draft-vocab", "150")[0][-1]["eval"]["loss"]
        flags = ("--taps", "1", "--start", self.drafter("base"))
        # At first the block passes on what the plain drafter reads.
        self.assertAlmostEqual(self.held_out_loss("block", *ONCE, *flags), last, delta=1e-3)
        self.check(*flags)
        self.check("--taps", "1", "--start", self.drafter("torch"), name="on-")

    def test_quantised_drafters_are_refused_with_a_remedy(self):
        self.train("base", "--iters", "1")
        for kind in ("q4_0", "q8_0"):
            small, half = self.path(f"{kind}.gguf"), self.path(f"{kind}-f16.gguf")
            self.redrafter("convert", self.drafter("base"), small, "--type", kind)
            said = self.fails(f"is {kind.upper()}, which is neither F16 nor F32", "--start", small)
            self.assertIn(f"redrafter convert {small} OUT.gguf --type f16", said)
            self.redrafter("convert", small, half, "--type", "f16")
            self.train(f"{kind}-run", *ONCE, "--start", half)

    def test_what_does_not_fit_is_refused_by_name(self):
        self.train("plain", *ONCE)
        self.train("block", *ONCE, "--taps", "0,1")
        self.train("last", *ONCE, "--taps", "1")
        self.train("unnormed", *ONCE, "--taps", "0,1", "--no-tap-norm")
        self.train("projection", *ONCE, "--taps", "0,1", "--no-context-layer")
        layer = ',"heads":4,"kv_heads":2,"head_dim":16,"feed_forward":128'
        self.redrafter(
            "train", "medusa", "-m", "toy", "--data", "data", "-o", self.path("medusa"), *support.FLAGS, *ONCE)
        for name, flags, text in (
            ("medusa", [], "it holds medusa, not recurrent"),
            ("plain", ["--layers", "1"], "its layers is 2, the new drafter's 1"),
            ("plain", ["--exit-dim", "32"], "its exit_dim is 64, the new drafter's 32"),
            ("block", [], f'its context_block is {{"taps":[0,1],"tap_norm":true,"adds_to_hidden":false{layer}}}, the new drafter\'s absent'),
            ("last", ["--taps", "0"],
             f'its context_block is {{"taps":[1],"tap_norm":true,"adds_to_hidden":false{layer}}}, the new drafter\'s {{"taps":[0],'),
            ("unnormed", ["--taps", "0,1"], f'its context_block is {{"taps":[0,1],"tap_norm":false,"adds_to_hidden":false{layer}}}, the new'),
            ("projection", ["--taps", "0,1"], 'its context_block is {"taps":[0,1],"tap_norm":true,"adds_to_hidden":false}, the new'),
        ):
            said = self.fails(text, *flags, "--start", self.drafter(name))
            self.assertIn(self.drafter(name), said)

    def test_a_drafter_of_another_model_is_refused(self):
        toy.write_model(self.path("deep"), layers=3)
        model, data = (os.path.relpath(self.path(name), self.shared("")) for name in ("deep", "deep-data"))
        self.generate(data, "--tokens", "500", model=model)
        self.train("base", *ONCE)
        self.fails("was trained for a model with number of layers 2, that of", "--start", self.drafter("base"),
                   data=data, model=model)

    def test_damaged_files_are_refused(self):
        self.train("base", *ONCE)
        with open(self.drafter("base"), "rb") as file:
            whole = file.read()
        for content, text in (
            (b"", "it is empty"), (b"{}", "is no GGUF file"), (b"GGML" + whole[4:], "does not begin with GGUF"),
            (b"GGUF\x09" + whole[5:], "its version is 9"),
            *((whole[:size], "is no GGUF file, or a damaged one") for size in range(5, len(whole), 7919)),
            (whole.replace(b"rnn_u.bias", b"rnn_x.bias"), "it has rnn_x.bias, which the new drafter has not"),
        ):
            with open(self.path("damaged"), "wb") as file:
                file.write(content)
            self.fails(text, "--start", self.path("damaged"))
        self.fails("no such file", "--start", self.path("nothing"))

    def read(self, name, *flags):
        """Members of the metadata and tensors, by name, of a drafter that is trained for one step."""
        self.train(name, *ONCE, *flags)
        metadata, tensors = gguf.read_file(self.drafter(name))
        members = {key.removeprefix("redrafter."): value for key, value in metadata.items() if "redrafter." in key}
        return members, {key: values for key, (_, values) in tensors.items()}

    def write(self, tensors, **members):
        """Writes a drafter with these members of its metadata."""
        pairs = [("general.architecture", gguf._STRING, "redrafter-recurrent")]
        kinds = {
            bool: gguf._BOOL, int: gguf._UINT32, float: gguf._FLOAT32, str: gguf._STRING, np.ndarray: gguf._ARRAY,
        }
        for key, value in members.items():
            if value is not None:
                pairs.append((f"redrafter.{key}", kinds[type(value)], value))
        gguf.write_file(self.path("written"), pairs, tensors)

    def test_vocabularies_and_tensors_of_the_file_are_checked(self):
        self.train("base", *ONCE)
        tensors = [(name, values.astype(np.float32)) for name, values in support.tensors(self.drafter("base")).items()]
        whole = {
            "tensors": tensors, "vocab_size": 200, "draft_vocabulary": np.arange(200), "hidden_size": 64,
            "exit_dim": 64, "layer_count": 2, "head_count": 1,
        }
        self.write(**whole)
        self.train("run-200", *ONCE, "--start", self.path("written"))
        for changes, text in (
            ({"draft_vocabulary": np.arange(100, 300)},
             "its draft vocabulary is not 200 different tokens from 0 to 262"),
            ({"draft_vocabulary": np.arange(-1, 199)}, "is not 200 different tokens"),
            ({"draft_vocabulary": np.arange(200) // 2}, "is not 200 different tokens"),
            ({"draft_vocabulary": np.arange(199)}, "is not 200 different tokens"),
            ({"draft_vocabulary": None, "vocab_size": 264}, "its vocabulary is 264, the model's 263"),
            ({"draft_vocabulary": None, "vocab_size": None}, "its vocabulary is None, the model's 263"),
            ({"draft_vocabulary": None, "vocab_size": 199}, "its lm_head.2.weight has the shape [200, 64]"),
            ({"tensors": tensors[1:]}, "it lacks rnn_u.weight"),
            ({"head_count": 2}, "its heads is 2, the new drafter's 1"),
            ({"exit_dim": None}, "its exit_dim is absent, the new drafter's 64"),
            ({"hidden_size": np.arange(2)}, "its hidden_size is [0,1], the new drafter's 64"),
            ({"rnn": False}, "its rnn is false, the new drafter's true"),
        ):
            self.write(**{**whole, **changes})
            self.fails(text, "--start", self.path("written"))
        manifest = Manifest(self.shared("data"))
        own = {"tokenizer": manifest.tokenizer, **manifest.fingerprint}
        for changes, text in (
            ({"vocab_size": 264}, None),  # padding
            ({"tokenizer": "x"}, "was trained for a model with tokenizer x, that of"),
            ({"tokenizer": "x", "vocab_size": 9}, "was trained for a model with vocabulary 9, that of"),
            ({"tokenizer": None}, "was trained for a model with tokenizer None, that of"),
            ({"intermediate_size": 1}, "was trained for a model with feed-forward size 1, that of"),
        ):
            fingerprint = {f"fingerprint.{name}": value for name, value in {**own, **changes}.items()}
            self.write(**whole, **fingerprint)
            if text is None:
                self.train("run-padding", *ONCE, "--start", self.path("written"))
            else:
                self.fails(text, "--start", self.path("written"))

    def test_values_that_are_not_finite_are_refused_by_their_tensor(self):
        members, tensors = self.read("base")
        # The first is F16, the other F32.
        for name, value in (("lm_head.2.weight", np.inf), ("lm_head.2.weight", np.nan), ("rnn_u.bias", -np.inf)):
            values = {key: found.copy() for key, found in tensors.items()}
            values[name].flat[-1] = value
            self.write(list(values.items()), **members)
            self.fails(f"its {name} holds NaN or infinity", "--start", self.path("written"))

    def test_a_context_block_without_one_of_its_tensors_is_refused(self):
        members, tensors = self.read("base", "--taps", "1")
        self.write(list(tensors.items()), **members)
        self.train("whole", *ONCE, "--taps", "1", "--start", self.path("written"))
        del tensors["context.gate.weight"]
        self.write(list(tensors.items()), **members)
        self.fails("it lacks context.gate.weight", "--taps", "1", "--start", self.path("written"))

    def test_a_run_is_resumed_with_its_start_only(self):
        self.train("one", *ONCE)
        self.train("other", *ONCE, "--seed", "1")
        start = ("--start", self.drafter("one"))
        self.train("run", *ONCE, *start)
        self.train("run", *ONCE, *start, "--resume")
        self.fails("start was ", *ONCE, "--start", self.drafter("other"), "--resume")
        self.fails("it is None now", *ONCE, "--resume")


if __name__ == "__main__":
    unittest.main()
