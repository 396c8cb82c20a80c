"""The batches of a training run, each a function of its step alone, and the part of them that a process computes.

Labels and orders are those of `BatchReader` and `BatchSource` of the Swift trainer.
"""
from dataclasses import dataclass

import numpy as np

from . import matches
from .random_order import MASK, RootOrder, SplitMix, numbers_at, shuffled

HELD_OUT_POSITIONS = 4096
HELD_OUT_COMB = 64  # positions of a text in a held-out batch, at most


@dataclass
class Batch:
    """Positions of texts. Step t of position n has been fed `tokens[n, t]` and predicts the token after that one."""

    tokens: np.ndarray  # [N, L] int64
    label_rows: np.ndarray  # [N, L, K] int64, 0 for an unused entry
    label_probabilities: np.ndarray  # [N, L, K] float32, 0 for an unused entry
    weights: np.ndarray  # [N, L] float32, 0 for no loss term
    truth: np.ndarray  # [N, L] int64, -1 where the draft vocabulary lacks the token
    # Of matches with earlier places of the text, for drafters that copy; a length of 0 is an unused entry. [N, L, M] int64
    match_rows: np.ndarray | None = None
    match_lengths: np.ndarray | None = None
    hidden: np.ndarray | None = None  # [N, H] float32; for the plain drafter
    texts: list | None = None  # of `Text`, whose positions follow each other; for drafters with taps
    is_idle: bool = False  # one without anything to learn, for a process that has no share

    @property
    def count(self):
        return len(self.tokens)

    @property
    def weight_sum(self):
        return float(self.weights.sum(dtype=np.float64))

    @property
    def state_rows(self):
        """Rows of texts that have a next one, whose state can be guessed."""
        return 0 if self.is_idle else sum(text.rows - 1 for text in self.texts or [])

    def pieces(self, positions, rows):
        """The batch in pieces of at most so many positions, or texts of so many rows in all, padding included."""
        if self.texts is None:
            for start in range(0, self.count, positions):
                part = slice(start, min(start + positions, self.count))
                yield self._part(part, hidden=self.hidden[part])
            return
        group, start, end, longest = [], 0, 0, 0
        for text in self.texts:
            longest = max(longest, text.rows)
            if group and (longest * (len(group) + 1) > rows or end + len(text.positions) - start > positions):
                yield self._part(slice(start, end), texts=group)
                group, start, longest = [], end, text.rows
            group.append(text)
            end += len(text.positions)
        if group:
            yield self._part(slice(start, end), texts=group)

    def _part(self, part, **inputs):
        if self.match_rows is not None:
            inputs.update(match_rows=self.match_rows[part], match_lengths=self.match_lengths[part])
        return Batch(
            self.tokens[part], self.label_rows[part], self.label_probabilities[part], self.weights[part],
            self.truth[part], is_idle=self.is_idle, **inputs)


@dataclass
class Text:
    """An answer with its prompt, as far as the last position. Row r was fed token r; token r + 1 follows it."""

    tokens: np.ndarray  # [rows + 1] int64
    positions: np.ndarray  # [positions] int64, rows whose following tokens are the roots; ascending

    @property
    def rows(self):
        return len(self.tokens) - 1


class BatchReader:
    """Fills batches from rows of a data set."""

    def __init__(self, data, vocabulary, settings):
        self.data = data
        self.vocabulary = vocabulary
        self.draft_length = settings.draft_length
        self.copy_lengths = settings.copy_lengths
        self.is_distillation = settings.loss == "kd"
        self.label_temperature = np.float32(settings.label_temp)
        self.step_weights = np.float32(settings.step_decay) ** np.arange(self.draft_length, dtype=np.float32)

    def positions(self, roots, sample=None):
        """A batch with these rows as roots. :param sample: which draft steps are learnt; None for all."""
        batch = self._labels(np.asarray(roots, dtype=np.int64), sample)
        batch.hidden = self.data.hidden_states(np.asarray(roots, dtype=np.int64))
        return batch

    def combs(self, combs, sample=None):
        """A batch of some positions of whole texts. `[combs, 3]`, as `Data.combs` gives them"""
        texts, roots = [], []
        for first, step, end in combs.tolist():
            tokens, prompt, place = self.data.text(first)
            teeth = np.arange(first, end, step)
            positions = teeth - first + place + prompt - 1
            texts.append(Text(tokens[:positions[-1] + 2].astype(np.int64), positions))
            roots.append(teeth)
        batch = self._labels(np.concatenate(roots), sample)
        batch.texts = texts
        return batch

    def _labels(self, roots, sample):
        rows = roots[:, None] + np.arange(self.draft_length)  # fed; the labels are those of the next row
        fits = rows + 1 < self.data.ends[roots][:, None]
        rows = np.where(fits, rows, 0)
        following = np.where(fits, rows + 1, 0)
        tokens = np.where(fits, self.data.tokens[rows], 0).astype(np.int64)
        truth = np.where(fits, self.vocabulary.rows[self.data.tokens[following]], -1).astype(np.int64)
        if self.is_distillation:
            label_rows, probabilities = self._distribution(following.ravel())
        else:
            label_rows, probabilities = truth.reshape(-1, 1), (truth >= 0).reshape(-1, 1).astype(np.float32)
        shape = rows.shape + (label_rows.shape[-1],)
        label_rows, probabilities = label_rows.reshape(shape), probabilities.reshape(shape)
        probabilities = np.where(fits[:, :, None] & (label_rows >= 0), probabilities, np.float32(0))
        is_term = (probabilities > 0).any(axis=2)
        if sample is not None:
            is_term &= sample.takes(roots, self.draft_length)
        batch = Batch(
            tokens, np.maximum(label_rows, 0).astype(np.int64), probabilities,
            np.where(is_term, self.step_weights, np.float32(0)).astype(np.float32), truth)
        if self.copy_lengths > 0:
            batch.match_rows, batch.match_lengths = matches.of_terms(
                self.data, self.vocabulary, roots, self.draft_length, self.copy_lengths)
        return batch

    def _distribution(self, rows):
        """Rows of the draft vocabulary, -1 for none, and probabilities of what the model deemed likely. `[rows, K]`"""
        ids = self.data.gather(rows, "top_tokens")
        logs = self.data.gather(rows, "top_log_probs").astype(np.float32)
        probabilities = np.exp(logs / self.label_temperature)
        known = (ids >= 0) & (ids < len(self.vocabulary.rows))
        draft_rows = np.where(known, self.vocabulary.rows[np.where(known, ids, 0)], -1)
        # Sharpened probabilities add up to something else; at temperature 1 what is not listed stays left out.
        if self.label_temperature != 1:
            total = probabilities.sum(axis=1, keepdims=True)
            probabilities = np.where(total > 0, probabilities / np.where(total > 0, total, 1), probabilities)
        return draft_rows, probabilities.astype(np.float32)


class StepSample:
    """A random choice of the draft steps that are learnt, that of `StepSample` in Swift."""

    def __init__(self, share, seed, batch):
        self._share, self._state = share, SplitMix.stream(~seed & MASK, batch).state

    def takes(self, rows, steps):
        """`[rows, steps]` of bool"""
        places = (rows[:, None] * steps + np.arange(steps)).astype(np.uint64)
        units = (numbers_at(self._state, places) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return units < np.float64(np.float32(self._share))


class BatchSource:
    """Single positions with hidden states, or positions of whole texts for drafters with taps; a process has its share.

    Positions of one answer are alike, and a batch of few answers pulls the drafter to and fro; but each answer costs
    passes over its whole text. Some positions of an answer, spread over all of it, lie between.
    """

    def __init__(self, reader, settings, rank, processes):
        data, seed, skips_loops = reader.data, settings.seed, settings.skip_loops
        self._rank, self._processes = rank, processes
        self._settings = settings
        if settings.taps:
            self._reads = reader.combs
            self._order = RootOrder(data.combs(settings.text_positions, False, skips_loops), seed)
            held_out = data.combs(HELD_OUT_COMB, is_held_out=True)
            self.per_step = max(1, settings.batch_size // settings.text_positions)
            limit = HELD_OUT_POSITIONS // HELD_OUT_COMB
        else:
            self._reads = reader.positions
            self._order = RootOrder(data.roots(False, skips_loops), seed)
            held_out = data.roots(is_held_out=True)
            self.per_step, limit = settings.batch_size, HELD_OUT_POSITIONS
        self._held_out = shuffled(held_out, SplitMix.stream(seed, MASK))[:limit]

    @property
    def steps_per_epoch(self):
        """Steps in which every position comes once."""
        return len(self._order) // self.per_step

    def batch(self, step):
        settings = self._settings
        sample = StepSample(settings.step_share, settings.seed, step) if settings.step_share < 1 else None
        return self._share(self._order.roots(step * self.per_step, self.per_step), sample)

    def held_out(self):
        """Batches of held-out positions, this process's share of each."""
        for start in range(0, len(self._held_out), self.per_step):
            yield self._share(self._held_out[start:start + self.per_step])

    def _share(self, items, sample=None):
        share = items[self._rank::self._processes]
        if len(share) > 0:
            return self._reads(share, sample)
        # A process without a share takes part in the sum of gradients with zeros.
        batch = self._reads(items[:1])
        batch.weights[:] = 0
        batch.is_idle = True
        return batch
