"""The part of the model's vocabulary that a drafter predicts."""
import numpy as np


class DraftVocabulary:
    """The tokens that answers hold most often: what the drafter predicts."""

    def __init__(self, data, size):
        total = data.manifest.fingerprint["vocab_size"]
        self.is_partial = 0 < size < total
        self.coverage = 1.0
        if not self.is_partial:
            self.tokens = np.arange(total, dtype=np.int32)
        else:
            self.tokens = self._most_frequent(data, size, total)
        self.rows = np.full(total, -1, dtype=np.int32)
        self.rows[self.tokens] = np.arange(len(self.tokens), dtype=np.int32)

    def _most_frequent(self, data, size, total):
        """Counts tokens that are trained on, and what the model deemed likely in their place."""
        counts, seen = np.zeros(total), np.zeros(total, dtype=np.int64)
        for index, shard in enumerate(data.shards):
            chosen = data.is_trained_on(index)
            if not chosen.any():
                continue
            tokens = np.bincount(shard.tokens[chosen], minlength=total)
            seen += tokens
            counts += tokens
            ids = shard.top_tokens[chosen].ravel()
            logs = shard.top_log_probs[chosen].ravel().astype(np.float32)
            likely = (logs > -7) & (ids >= 0) & (ids < total)
            counts += np.bincount(ids[likely], np.exp(logs[likely]).astype(np.float64), minlength=total)
        # Equal counts keep the order of ids, in which frequent tokens come first.
        tokens = np.sort(np.argsort(-counts, kind="stable")[:size]).astype(np.int32)
        self.coverage = float(seen[tokens].sum() / max(1, seen.sum()))
        return tokens
