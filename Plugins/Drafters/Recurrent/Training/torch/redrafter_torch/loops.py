"""Answers that end in a loop, the same few tokens up to the limit of the answer's length: `RepetitionLoop` of Swift."""
import numpy as np

LONGEST_PERIOD, LEAST_REPETITIONS, LEAST_LENGTH = 64, 3, 24


def loop_starts(tokens, firsts, lengths):
    """Where the third repetition of each answer's end begins, counted from its first token. `[answers]`

    :param tokens: of all answers. `[rows]`
    :param firsts: first row of each answer. `[answers]`
    :param lengths: of each answer: the result where its end does not repeat. `[answers]`
    """
    starts, ends = lengths.copy(), firsts + lengths
    for period in range(1, LONGEST_PERIOD + 1):
        least = max(period * LEAST_REPETITIONS, LEAST_LENGTH)
        answers = np.flatnonzero(lengths >= least)
        if len(answers) == 0:
            break
        # Rows whose token is not the one a period later. The loop begins behind the last of them, or with the answer.
        differing = np.concatenate([[-1], np.flatnonzero(tokens[:-period] != tokens[period:])])
        last = differing[np.searchsorted(differing, ends[answers] - period) - 1]
        first = np.maximum(last + 1, firsts[answers])
        loops = ends[answers] - first >= least
        found = answers[loops]
        starts[found] = np.minimum(starts[found], first[loops] - firsts[found] + 2 * period)
    return starts
