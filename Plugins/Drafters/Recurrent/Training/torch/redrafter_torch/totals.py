"""What batches gave, added up on the device and summed over processes when somebody asks."""
import torch


class Totals:
    def __init__(self, draft_length):
        self._length = draft_length
        # Σ weight · loss, Σ weight, Σ errors of states, their rows, then terms and right guesses of each step.
        self._sums = None
        self.positions = 0

    @property
    def loss_sum(self):
        """Σ weight · loss of this process."""
        return 0.0 if self._sums is None else self._sums[0].item()

    def count(self, piece, losses, is_right, weights, state_errors, state_rows):
        """Adds terms. `[T]`"""
        losses, weights = losses.double(), weights.double()
        terms = torch.bincount(piece.steps, minlength=self._length).double()
        right = torch.bincount(piece.steps, weights=is_right.double(), minlength=self._length)
        states = torch.stack([state_errors.double(), state_errors.new_full((), state_rows, dtype=torch.float64)])
        self._add(torch.cat([(weights * losses).sum()[None], weights.sum()[None], states, terms, right]))

    def add(self, other):
        if other._sums is not None:
            self._add(other._sums)
        self.positions += other.positions

    def _add(self, sums):
        self._sums = sums if self._sums is None else self._sums + sums

    def summed(self, processes):
        """Over all processes."""
        own = [0.0] * (4 + 2 * self._length) if self._sums is None else self._sums.tolist()
        return Summed(processes.sums(own + [self.positions]), self._length)


class Summed:
    def __init__(self, sums, length):
        loss, weight, state_error, state_rows, *counts, self.positions = sums
        counted, correct = counts[:length], counts[length:]
        # The weighted mean in nats; 0 where nothing has a weight.
        self.loss = loss / weight if weight > 0 else 0.0
        self.terms = sum(counted)
        # The mean squared error of guesses at the next hidden state; None where there were none.
        self.state_error = state_error / state_rows if state_rows > 0 else None
        # Share of each step's terms that were right; 0 where it was never counted.
        self.accuracy = [right / terms if terms else 0.0 for right, terms in zip(correct, counted)]
