"""What a context block reads of the model."""
import unittest

import numpy as np
import torch

import support
import toy
from redrafter_torch.target import Target


class TapTests(support.ToyTests):
    def check(self, folder):
        """Compares taps with what the model gives; returns that."""
        target = Target(folder, torch.device("cpu"), torch.float32)
        tokens = torch.arange(60).reshape(2, 30)
        with torch.no_grad():
            exact = target._base(tokens, output_hidden_states=True).hidden_states[1].numpy()
        rounded = np.clip(exact, -65504, 65504).astype(np.float16).astype(np.float32)
        self.assertFalse(np.array_equal(exact, rounded))
        np.testing.assert_array_equal(target.taps((0,), tokens)[0].numpy(), rounded)
        return exact

    def test_taps_are_rounded_to_half_precision(self):
        self.assertLess(np.abs(self.check(self.shared("toy"))).max(), 1000)

    def test_taps_are_bounded_to_what_is_finite_in_half_precision(self):
        toy.write_model(self.path("large"), scale=1e5)
        exact = self.check(self.path("large"))
        self.assertLess(exact.min(), -65520)
        self.assertGreater(exact.max(), 65520)


if __name__ == "__main__":
    unittest.main()
