"""The random numbers of the Swift trainer, and what is put in order with them."""
import unittest

import numpy as np

import support
import toy
from redrafter_torch import random_order
from redrafter_torch.batches import BatchReader, BatchSource
from redrafter_torch.data import HELD_OUT_EVERY, Data
from redrafter_torch.loops import loop_starts
from redrafter_torch.random_order import GAMMA, MASK, InitialValues, RootOrder, SplitMix, shuffled
from redrafter_torch.settings import parse
from redrafter_torch.vocabulary import DraftVocabulary


class Scripted:
    """A generator with given numbers; its state counts them."""

    def __init__(self, numbers):
        self._numbers, self._start = numbers, 0
        self.state = 0

    def numbers(self, count):
        # States are multiples of GAMMA, as those of SplitMix are.
        first = self.state * pow(GAMMA, -1, 1 << 64) & MASK
        self.state = (first + count) * GAMMA & MASK
        return np.array(self._numbers[first:first + count], dtype=np.uint64)


def slow_shuffled(values, generator):
    """As in Swift's standard library, a number at a time."""
    values = list(values)
    for index in range(len(values) - 1):
        amount = len(values) - index
        product = int(generator.numbers(1)[0]) * amount
        while product & MASK < (1 << 64) % amount and product & MASK < amount:
            product = int(generator.numbers(1)[0]) * amount
        other = index + (product >> 64)
        values[index], values[other] = values[other], values[index]
    return values


class OrderTests(unittest.TestCase):
    def test_split_mix_gives_the_published_numbers(self):
        # Sebastiano Vigna's splitmix64.c with seed 1234567.
        self.assertEqual(
            SplitMix(1234567).numbers(3).tolist(),
            [6457827717110365317, 3203168211198807973, 9817491932198370423])

    def test_numbers_in_pieces_are_those_at_once(self):
        generator = SplitMix.stream(MASK, MASK)
        whole = SplitMix.stream(MASK, MASK).numbers(10).tolist()
        self.assertEqual(generator.numbers(3).tolist() + generator.numbers(7).tolist(), whole)

    def test_shuffling_in_pieces_is_shuffling_one_by_one(self):
        size = random_order._AT_ONCE
        try:
            for random_order._AT_ONCE in (1, 7, 64, 1 << 20):
                for count in (0, 1, 2, 3, 64, 65, 500):
                    fast = shuffled(np.arange(count), SplitMix.stream(3, 1)).tolist()
                    self.assertEqual(fast, slow_shuffled(range(count), SplitMix.stream(3, 1)))
        finally:
            random_order._AT_ONCE = size

    def test_rejected_numbers_are_left_out(self):
        # 0 is below the threshold of every bound that is no power of 2.
        numbers = [0, 5 << 60, 0, 0, 7 << 60, 0, 3 << 60, 9 << 60] + [1 << 63] * 8
        fast = shuffled(np.arange(7), Scripted(numbers)).tolist()
        self.assertEqual(fast, slow_shuffled(range(7), Scripted(numbers)))

    def test_epochs_follow_without_a_gap(self):
        order = RootOrder(np.arange(10, dtype=np.int32), seed=4)
        first = order.roots(0, 25).tolist()
        self.assertEqual(sorted(first[:10]), list(range(10)))
        self.assertEqual(sorted(first[10:20]), list(range(10)))
        self.assertNotEqual(first[:10], first[10:20])
        again = RootOrder(np.arange(10, dtype=np.int32), seed=4)
        self.assertEqual(sum((again.roots(start, 5).tolist() for start in range(0, 25, 5)), []), first)

    def test_combs_are_ordered_as_their_places(self):
        combs = np.arange(30).reshape(10, 3)
        places = RootOrder(np.arange(10), seed=4).roots(7, 25)
        self.assertEqual(RootOrder(combs, seed=4).roots(7, 25).tolist(), combs[places].tolist())

    def test_initial_values_are_within_their_width(self):
        values = InitialValues(9).values((100, 100), np.float32(0.5))
        self.assertLessEqual(np.abs(values).max(), 0.5 * 12**0.5 / 2)
        self.assertAlmostEqual(float(values.std()), 0.5, delta=0.01)


class CombTests(support.ToyTests):
    def data(self):
        """Some data with answers that end in loops and answers that have up to three combs of 64 teeth."""
        name = self._testMethodName
        self.generate(name)
        toy.repeat_ends(self.shared(name))
        toy.hold_out(self.shared(name))
        return Data([self.shared(name)])

    def test_combs_of_many_answers_as_one_by_one(self):
        data = self.data()
        for size in (1, 7, 64, 1000):
            for is_held_out in (False, True):
                for skips_loops in (False, True):
                    combs = data.combs(size, is_held_out, skips_loops)
                    np.testing.assert_array_equal(combs, slow_combs(data, size, is_held_out, skips_loops))
                    teeth = [np.arange(first, end, step) for first, step, end in combs]
                    self.assertLessEqual(max(map(len, teeth)), size)
                    np.testing.assert_array_equal(
                        np.sort(np.concatenate(teeth)), data.roots(is_held_out, skips_loops))
        self.assertEqual(set(data.combs(64, False)[:, 1]), {1, 2, 3})

    def test_an_epoch_takes_all_combs_or_all_positions(self):
        data = self.data()
        combs, positions = len(data.combs(64, is_held_out=False)), len(data.roots(is_held_out=False))
        for size, flags, expected in (
            (512, [], positions // 512), (512, ["--taps", "0"], combs // 8), (100, ["--taps", "0"], combs),
            (1, ["--taps", "0"], combs),
        ):
            settings = parse(["--data", "", "--model", "", "-o", "", "--batch-size", str(size), *flags])
            source = BatchSource(BatchReader(data, DraftVocabulary(data, 0, None), settings), settings, 0, 1)
            self.assertEqual(source.steps_per_epoch, expected)
        self.assertGreater(combs // 8, positions // 512)

    def test_the_longest_text_is_that_of_some_answer(self):
        data = self.data()
        lengths = [len(data.text(int(first))[0]) for first in data.all_answers()]
        self.assertEqual(data.longest_text, max(lengths) - 1)
        self.assertNotEqual(lengths[-1], max(lengths))

    def test_positions_are_the_rows_before_their_roots(self):
        data = self.data()
        settings = parse(["--data", "", "--model", "", "-o", ""])
        combs = data.combs(64, is_held_out=False)
        batch = BatchReader(data, DraftVocabulary(data, 0, None), settings).combs(combs)
        first = 0
        for text, (root, step, end) in zip(batch.texts, combs.tolist(), strict=True):
            tokens, prompt, place = data.text(root)
            self.assertEqual(text.tokens.tolist(), tokens[:text.positions[-1] + 2].tolist())
            places = [row + 1 - prompt for row in text.positions.tolist()]
            self.assertEqual(places, list(range(place, place + end - root, step)))
            part = slice(first, first + len(places))
            self.assertEqual(batch.tokens[part, 0].tolist(), data.tokens[root:end:step].tolist())
            first = part.stop
        self.assertEqual(first, batch.count)


def slow_combs(data, size, is_held_out, skips_loops):
    """As in Swift."""
    result, first = [], 0
    for shard in data.shards:
        for item, _, length, *_ in shard.answers.tolist():
            count = length - 1
            if skips_loops:
                count = min(count, slow_loop_start(data.tokens[first:first + length].tolist()))
            if (item % HELD_OUT_EVERY == 0) == is_held_out:
                step = (count + size - 1) // size
                result += [[first + place, step, first + count] for place in range(step)]
            first += length
    return result


class LoopTests(unittest.TestCase):
    def starts(self, *answers):
        """Of answers that follow each other."""
        lengths = np.array([len(answer) for answer in answers])
        tokens = np.concatenate([np.asarray(answer, dtype=np.int32) for answer in answers])
        return loop_starts(tokens, np.cumsum(lengths) - lengths, lengths).tolist()

    def test_a_loop_begins_with_its_third_repetition(self):
        for period, repetitions, before in ((1, 40, 12), (5, 10, 11), (24, 3, 0), (64, 4, 7), (3, 8, 1)):
            start = [1000 + place for place in range(before)]
            loop = [place % period for place in range(period * repetitions)]
            # The last one ends in the middle of the loop.
            answers = (start + loop, start, start + loop + loop[:period // 2])
            answers = [answer for answer in answers if answer]
            found = self.starts(*answers)
            self.assertEqual((found[0], found[-1]), (before + 2 * period,) * 2)
            self.assertEqual(found[1:-1], [before] if before else [])

    def test_what_is_no_loop(self):
        tokens = list(range(200))
        answers = (tokens, [7], tokens[:30] * 2, [5] * 23, [5] * 40 + [6], [5] * 12, [5] * 12)
        self.assertEqual(self.starts(*answers), [len(answer) for answer in answers])

    def test_many_random_answers_as_one_by_one(self):
        random = np.random.default_rng(3)
        answers = [np.resize(random.integers(0, 3, random.integers(1, 9)), random.integers(1, 90)) for _ in range(300)]
        for answer in answers[::2]:
            answer[:len(answer) // 3] = random.integers(0, 3, len(answer) // 3)
        expected = [slow_loop_start(answer.tolist()) for answer in answers]
        self.assertEqual(self.starts(*answers), expected)
        self.assertGreater(sum(start < len(answer) for start, answer in zip(expected, answers)), 100)


def slow_loop_start(tokens):
    """As in Swift."""
    start = len(tokens)
    for period in range(1, 65):
        first = len(tokens) - period
        while first > 0 and tokens[first - 1] == tokens[first - 1 + period]:
            first -= 1
        if len(tokens) - first >= max(period * 3, 24):
            start = min(start, first + 2 * period)
    return start


if __name__ == "__main__":
    unittest.main()
