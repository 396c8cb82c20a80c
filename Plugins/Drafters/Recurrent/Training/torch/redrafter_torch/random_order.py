"""The random numbers of the Swift trainer, bit for bit: orders of positions and initial values.

SplitMix64 counts its state up by a constant, so that many of its numbers are computed at once.
"""
from array import array

import numpy as np

GAMMA = 0x9E37_79B9_7F4A_7C15
MASK = (1 << 64) - 1
_AT_ONCE = 1 << 20


def _mixed(states):
    bits = (states ^ (states >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return bits ^ (bits >> np.uint64(31))


def numbers_at(state, places):
    """Numbers of a generator by their places in what it will give, from 0. :param places: of uint64"""
    return _mixed((places + np.uint64(1)) * np.uint64(GAMMA) + np.uint64(state))


class SplitMix:
    """`SplitMix` of RedrafterTraining."""

    def __init__(self, state):
        self.state = state & MASK

    @classmethod
    def stream(cls, seed, stream):
        """The generator for one of many streams under one seed."""
        first = int(cls(seed).numbers(1)[0])
        generator = cls(first ^ ((stream + 1) * GAMMA & MASK))
        generator.numbers(1)
        return generator

    def numbers(self, count):
        """The next numbers. `[count]` of uint64"""
        steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GAMMA)
        result = _mixed(steps + np.uint64(self.state))
        self.state = (self.state + count * GAMMA) & MASK
        return result


def shuffled(values, generator):
    """`shuffled(using:)` of Swift's standard library: Fisher and Yates from the front, Lemire's bounded numbers.

    Takes an array with less than 2³¹ rows and returns a new one; seconds for ten million.
    """
    values = np.asarray(values)
    count = len(values)
    result = array("i", np.arange(count, dtype=np.int32).tobytes())
    for start in range(0, count - 1, _AT_ONCE):
        bounds = np.arange(count - start, max(1, count - start - _AT_ONCE), -1, dtype=np.uint64)
        for index, offset in enumerate(_offsets(generator, bounds).tolist(), start):
            other = index + offset
            result[index], result[other] = result[other], result[index]
    return values[np.frombuffer(result, dtype=np.int32)]


def _offsets(generator, bounds):
    """A number below each of the bounds, in order."""
    parts = []
    while len(bounds):
        start = generator.state
        numbers = generator.numbers(len(bounds))
        low_half = (numbers & np.uint64(0xFFFF_FFFF)) * bounds
        high = ((numbers >> np.uint64(32)) * bounds + (low_half >> np.uint64(32))) >> np.uint64(32)
        rejected = np.flatnonzero(numbers * bounds < (np.uint64(0) - bounds) % bounds)
        if len(rejected) == 0:
            parts.append(high)
            break
        # A rejected number is left out, and those after it move up by one: rarer than one in 2³².
        first = int(rejected[0])
        parts.append(high[:first])
        bounds = bounds[first:]
        generator.state = (start + (first + 1) * GAMMA) & MASK
    return np.concatenate(parts)


class RootOrder:
    """A permutation of the roots, or of combs of them, for each epoch, a function of seed and epoch; epochs follow
    without a gap.
    """

    def __init__(self, roots, seed):
        self._roots, self._seed = roots, seed
        self._epoch = self._order = None

    def __len__(self):
        return len(self._roots)

    def roots(self, start, count):
        parts = []
        while count > 0:
            epoch, first = divmod(start, len(self._roots))
            if epoch != self._epoch:
                self._order = shuffled(self._roots, SplitMix.stream(self._seed, epoch))
                self._epoch = epoch
            part = self._order[first:first + count]
            parts.append(part)
            start += len(part)
            count -= len(part)
        return np.concatenate(parts)


class InitialValues:
    """`InitialValues` of RedrafterTraining: a uniform distribution with mean 0."""

    def __init__(self, seed):
        self._generator = SplitMix(seed)

    def values(self, shape, deviation):
        count = int(np.prod(shape))
        unit = (self._generator.numbers(count) >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)
        return ((unit - np.float32(0.5)) * np.float32(deviation) * np.sqrt(np.float32(12))).reshape(shape)
