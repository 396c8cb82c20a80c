"""This trainer against the Swift trainer: the same losses step by step, the same weights, the same drafts."""
import os
import shutil
import unittest
from unittest import mock

import numpy as np

import support
import toy
from redrafter_torch.data import Data


class AgreementTests(support.ComparedTests):
    def test_plain_drafter(self):
        self.check()
        self.check_drafts()

    def test_context_block(self):
        self.check("--taps", "0,1")
        self.check_drafts()

    def test_context_block_that_adds(self):
        self.check("--taps", "0,1", "--context-adds")
        self.check_drafts()
        # The guesses at states change the block, and the block the other losses.
        self.check(
            "--taps", "0,1", "--context-adds", "--state-weight", "2", "--context-rate", "1", name="states-")
        lines = [support.log(self.path(f"states-{trainer}")) for trainer in ("swift", "torch")]
        errors = [[line["state_error"] for line in part if "loss" in line] for part in lines]
        self.assertLess(max(abs(a - b) for a, b in zip(*errors, strict=True)), support.TOLERANCE)
        self.assertLess(errors[0][-1], 0.9 * errors[0][0])

    def test_some_steps_of_more_positions(self):
        self.check("--taps", "0,1", "--text-positions", "32", "--step-share", "0.5")
        self.check("--step-share", "0.25", name="plain-")

    def test_one_epoch_of_combs(self):
        self.assertEqual(support.FLAGS[:2], ["--iters", "20"])
        with mock.patch.object(support, "FLAGS", support.FLAGS[2:]):
            said = self.check("--taps", "0,1", "--batch-size", "2048", steps=2)
        # Answers that do not fill their combs make it longer than one of positions.
        steps = len(support.losses(support.log(self.path("torch"))))
        self.assertGreater(steps, support.positions(said) // 2048)

    def test_context_block_at_another_rate(self):
        self.check("--taps", "0,1", "--context-rate", "0.5")
        usual, _ = self.train("usual", "--taps", "0,1")
        changes = zip(support.losses(usual), support.losses(support.log(self.path("torch"))))
        self.assertGreater(max(abs(a - b) for a, b in changes), 10 * support.TOLERANCE)

    def test_outputs_of_layers_beyond_half_precision(self):
        toy.write_model(self.shared("large"), scale=1e5)
        self.generate("large-data", model="large")
        self.check("--taps", "0,1", data="large-data", model="large")

    def test_part_of_the_held_out_answers(self):
        self.generate("held-out", "--tokens", "12000")
        toy.hold_out(self.shared("held-out"))
        self.assertGreater(len(Data([self.shared("held-out")]).combs(64, is_held_out=True)), 70)
        self.check("--taps", "0,1", data="held-out")

    def test_states_that_are_not_stored(self):
        self.check("--tokens", "3000", data="bare")

    def test_plain_drafter_with_survival(self):
        # A gradient that were divided by the weights with survival would change losses by 6 · 10⁻⁵ only.
        self.check("--survival", "--draft-length", "6", "--draft-vocab", "100", tolerance=1e-5)
        # Where labels are single tokens, those that the draft vocabulary lacks are no terms.
        self.check("--survival", "--loss", "ce", "--draft-vocab", "100", tolerance=1e-5, name="tokens-")

    def test_context_block_with_survival(self):
        self.check("--survival", "--taps", "0,1", "--step-decay", "1")
        self.check_drafts()

    def test_without_loops(self):
        self.generate("loops")
        toy.repeat_ends(self.shared("loops"))
        without = support.positions(self.check("--skip-loops", data="loops"))
        self.assertLess(without, 0.9 * support.positions(self.train("all", "--iters", "1", data="loops")[1]))
        self.check("--skip-loops", "--taps", "0,1", data="loops", name="context-")

    def test_several_data_sets(self):
        self.generate("more", "--seed", "5", "--tokens", "4000")
        said = self.check(data=("data", "more"))
        parts = [support.positions(self.train(name, "--iters", "1", data=name)[1]) for name in ("data", "more")]
        self.assertEqual(support.positions(said), sum(parts))
        self.check("--taps", "0,1", data=("more", "data"), name="context-")

    def test_part_of_several_data_sets(self):
        # No shard of the third set is read.
        self.generate("second", "--seed", "6")
        os.makedirs(self.shared("third"))
        shutil.copy(self.shared("data/manifest.json"), self.shared("third"))
        limit = str(Data([self.shared("data")]).rows + 1000)
        said = self.check("--tokens", limit, data=("data", "second", "third"))
        self.assertIn(f"warning: {limit} tokens are reached before {self.shared('third')} is read", said)
        one, other = (
            support.positions(self.train(name, "--iters", "1", data=name)[1]) for name in ("data", "second"))
        self.assertTrue(one < support.positions(said) < one + other, said)

    def test_small_head_with_sharpened_labels(self):
        self.check("--exit-dim", "32", "--label-temp", "0.5", "--draft-length", "6", "--seed", "18446744073709551615")

    def test_wide_head_on_tokens(self):
        self.check("--exit-dim", "128", "--layers", "0", "--loss", "ce", "--step-decay", "0.7")

    def test_taps_without_norms_and_layer_for_several_epochs(self):
        self.check("--taps", "0", "--no-tap-norm", "--no-context-layer", "--draft-length", "1", "--draft-vocab", "0",
                   "--batch-size", "1024")

    def test_model_with_biases_and_a_head_of_its_own(self):
        toy.write_model(self.shared("qwen"), tied=False, kind="qwen2")
        self.generate("qwen-data", model="qwen")
        self.check("--taps", "0,1", data="qwen-data", model="qwen")


class ExchangeTests(support.ToyTests):
    def test_f32_file_is_read_and_converted(self):
        self.train("run", "--type", "f32", "--iters", "2")
        self.redrafter("convert", self.path("run/drafter.gguf"), self.path("small.gguf"), "--type", "q4_0")
        self.redrafter("convert", self.path("run/drafter.gguf"), self.path("apple"), "--layout", "apple")
        self.assertIn("q4_0", self.redrafter("inspect", self.path("small.gguf")))
        self.assertIn("rnn_u.weight", self.redrafter("inspect", self.path("apple"), "--tensors"))

    def test_f16_is_f32_rounded(self):
        for kind in ("f16", "f32"):
            self.train(kind, "--type", kind, "--iters", "2", "--taps", "0,1")
        half, single = (support.tensors(self.path(f"{kind}/drafter.gguf")) for kind in ("f16", "f32"))
        for name, values in single.items():
            expected = values if values.ndim == 1 else values.astype(np.float16).astype(np.float32)
            np.testing.assert_array_equal(half[name], expected)


if __name__ == "__main__":
    unittest.main()
