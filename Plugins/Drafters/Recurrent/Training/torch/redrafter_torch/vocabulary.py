"""The part of the model's vocabulary that a drafter predicts."""
import numpy as np


class DraftVocabulary:
    """The tokens that answers hold most often, or those of the drafter that a new one begins with."""

    def __init__(self, data, size, tokens=None):
        """
        :param size: tokens wanted; 0 for all
        :param tokens: that are given, in the order of the head's rows; nothing is counted then
        """
        total = data.manifest.fingerprint["vocab_size"]
        if tokens is not None:
            self.tokens = tokens
        elif 0 < size < total:
            self.tokens = _most_frequent(data, size, total)
        else:
            self.tokens = np.arange(total, dtype=np.int32)
        self.is_partial = len(self.tokens) < total
        self.coverage = _coverage(data, self.tokens, total) if self.is_partial else 1.0
        self.rows = np.full(total, -1, dtype=np.int32)
        self.rows[self.tokens] = np.arange(len(self.tokens), dtype=np.int32)


def _trained_on(data):
    """Each shard with the rows that are trained on, where there are some."""
    for index, shard in enumerate(data.shards):
        chosen = data.is_trained_on(index)
        if chosen.any():
            yield shard, chosen


def _coverage(data, tokens, total):
    """Share of the tokens of the answers."""
    seen = sum(
        (np.bincount(shard.tokens[chosen], minlength=total) for shard, chosen in _trained_on(data)),
        np.zeros(total, dtype=np.int64))
    return float(seen[tokens].sum() / max(1, seen.sum()))


def _most_frequent(data, size, total):
    """Counts tokens that are trained on, and what the model deemed likely in their place."""
    counts = np.zeros(total)
    for shard, chosen in _trained_on(data):
        counts += np.bincount(shard.tokens[chosen], minlength=total)
        ids = shard.top_tokens[chosen].ravel()
        logs = shard.top_log_probs[chosen].ravel().astype(np.float32)
        likely = (logs > -7) & (ids >= 0) & (ids < total)
        counts += np.bincount(ids[likely], np.exp(logs[likely]).astype(np.float64), minlength=total)
    # Equal counts keep the order of ids, in which frequent tokens come first.
    return np.sort(np.argsort(-counts, kind="stable")[:size]).astype(np.int32)
