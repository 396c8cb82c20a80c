"""Earlier places of a text that resemble its end: what `TextIndex.forEachMatch` finds in Swift."""
import numpy as np

PLACES = 64  # that are looked at, the latest


def matches(tokens, end, lengths):
    """The tokens that followed the earlier places of `tokens[end]`, and how many tokens up to each place are the same.

    :param lengths: at which a match is as long as need be. :return: two arrays, as long as there are places
    """
    places = np.flatnonzero(tokens[:end] == tokens[end])[::-1][:PLACES]
    found = np.ones(len(places), dtype=np.int64)
    alive = np.ones(len(places), dtype=bool)
    for back in range(1, min(lengths, end + 1)):
        alive &= places >= back
        alive[alive] = tokens[places[alive] - back] == tokens[end - back]
        if not alive.any():
            break
        found += alive
    return tokens[places + 1], found


def of_terms(data, vocabulary, roots, steps, lengths):
    """Rows of the draft vocabulary and lengths of the matches of each term; a length of 0 is an unused entry.

    :return: two arrays `[roots, steps, matches]`
    """
    found, most = [], 1
    for root in roots.tolist():
        tokens, prompt, place = data.text(root)
        for end in range(prompt + place, prompt + place + steps):
            rows = own = np.zeros(0, dtype=np.int64)
            if end < len(tokens):
                following, own = matches(tokens, end, lengths)
                rows = vocabulary.rows[following]
                rows, own = rows[rows >= 0], own[rows >= 0]
            most = max(most, len(rows))
            found.append((rows, own))
    result = np.zeros((2, len(found), most), dtype=np.int64)
    for term, arrays in enumerate(found):
        for part, values in zip(result, arrays):
            part[term, :len(values)] = values
    return result.reshape(2, len(roots), steps, most)
