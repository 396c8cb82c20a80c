"""Weights of losses by the chance that their steps are reached."""
import unittest

import torch

import support  # noqa: F401: makes the package known
from redrafter_torch.drafter import Drafter, DrafterSizes, Piece

LENGTH, VOCABULARY, LABELS = 4, 11, 3


class SurvivalTests(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(5)
        self.drafter = Drafter(DrafterSizes(8, 8, 1, VOCABULARY), torch.randn(20, 8))
        # Steps 0, 1 and 3 of the first position, none of the second, all of the third, 0, 2 and 3 of the fourth one.
        self.positions = torch.tensor([0, 0, 0, 2, 2, 2, 2, 3, 3, 3])
        self.steps = torch.tensor([0, 1, 3, 0, 1, 2, 3, 0, 2, 3])
        # The draft vocabulary lacks some tokens: one of a term, and some of what is no term.
        truth = torch.tensor([[4, 0, 9, 7], [-1, 2, -1, -1], [1, 1, -1, 10], [5, -1, 6, 3]])
        self.truth = truth[self.positions, self.steps]
        self.piece = Piece(
            tokens=torch.randint(20, (4, LENGTH)), positions=self.positions, steps=self.steps,
            label_rows=torch.randint(VOCABULARY, (10, LABELS)), label_probabilities=torch.rand(10, LABELS),
            weights=torch.ones(10), truth=truth, hidden=torch.randn(4, 8))

    def probability(self, term):
        """The drafter's, of the token that came, by the loss of that token alone."""
        if self.truth[term] < 0:
            return 0.0
        single = Piece(**vars(self.piece))
        single.label_rows = self.truth.clamp(min=0)[:, None]
        single.label_probabilities = torch.ones(10, 1)
        return torch.exp(-self.drafter(single)[0][term]).item()

    def test_a_step_is_reached_by_the_product_of_the_probabilities_before_it(self):
        _, _, probabilities, _ = self.drafter(self.piece)
        self.assertFalse(probabilities.requires_grad)
        first, second, _, fourth, fifth, sixth, *_ = expected = [self.probability(term) for term in range(10)]
        torch.testing.assert_close(probabilities, torch.tensor(expected))
        self.assertEqual(sixth, 0)
        # Of what is no term only that is known: step 2 of the first position can be guessed, step 1 of the last cannot.
        torch.testing.assert_close(
            self.piece.survival(probabilities),
            torch.tensor([1, first, first * second, 1, fourth, fourth * fifth, 0, 1, 0, 0]))

    def test_no_terms(self):
        none = Piece(**{
            name: values[:0] if name not in ("tokens", "truth", "hidden") and values is not None else values
            for name, values in vars(self.piece).items()
        })
        losses, _, probabilities, _ = self.drafter(none)
        self.assertEqual((len(losses), len(none.survival(probabilities))), (0, 0))


if __name__ == "__main__":
    unittest.main()
