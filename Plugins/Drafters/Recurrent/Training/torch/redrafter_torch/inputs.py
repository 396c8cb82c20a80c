"""Pieces of batches on the device, with the model's outputs where the drafter reads them."""
import os

import numpy as np
import torch
from numpy.lib.format import open_memmap

from .drafter import Piece


def piece(batch, target, taps, device):
    """A part of a batch as the drafter takes it; the model computes its taps on the way."""
    def on_device(values):
        return torch.from_numpy(values).to(device, non_blocking=True)

    positions, steps = np.nonzero(batch.weights > 0)
    result = Piece(
        tokens=on_device(batch.tokens), positions=on_device(positions), steps=on_device(steps),
        label_rows=on_device(batch.label_rows[positions, steps]),
        label_probabilities=on_device(batch.label_probabilities[positions, steps]),
        weights=on_device(batch.weights[positions, steps]), truth=on_device(batch.truth))
    if batch.match_rows is not None:
        result.match_rows = on_device(batch.match_rows[positions, steps])
        result.match_lengths = on_device(batch.match_lengths[positions, steps])
    if batch.texts is None:
        result.hidden = on_device(batch.hidden)
        return result
    longest = max(text.rows for text in batch.texts)
    tokens = np.zeros((len(batch.texts), longest + 1), dtype=np.int64)
    rows = []
    for index, text in enumerate(batch.texts):
        tokens[index, :len(text.tokens)] = text.tokens
        rows.append(index * longest + text.positions)
    result.following = on_device(np.ascontiguousarray(tokens[:, 1:]))
    result.position_rows = on_device(np.concatenate(rows))
    lengths = np.array([text.rows for text in batch.texts])
    result.has_next = on_device((np.arange(longest) + 1 < lengths[:, None]) & (not batch.is_idle))
    result.taps = target.taps(taps, on_device(np.ascontiguousarray(tokens[:, :-1])))
    return result


def recompute_hidden(data, target, output, processes, report):
    """Hidden states for data that holds none, computed by all processes into one file on the disk of this machine.

    The file loses its name as soon as all have opened it, so that nothing is left behind.
    """
    path = os.path.join(output, "hidden.npy.partial")
    answers = data.all_answers()
    if processes.is_first:
        report(f"the data has no hidden states; computing them again for {len(answers)} answers")
        shape = (data.rows, data.manifest.fingerprint["hidden_size"])
        open_memmap(path, mode="w+", dtype=np.float16, shape=shape).flush()
    processes.wait()
    states = open_memmap(path, mode="r+")
    for first in answers[processes.rank::processes.count]:
        tokens, prompt, _ = data.text(int(first))
        rows = torch.as_tensor(tokens[:-1].astype(np.int64), device=processes.device)[None]
        hidden = target.hidden_states(rows)[0, prompt - 1:]
        states[first:first + len(hidden)] = hidden.float().cpu().numpy().astype(np.float16)
    states.flush()
    processes.wait()
    data.hidden = states
    processes.wait()
    if processes.is_first:
        os.remove(path)
