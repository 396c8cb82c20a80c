"""What a drafter begins with: the values of the Swift trainer; see `RecurrentTrainer.initialParameters`.

The head is the model's own on the draft vocabulary, and everything before it passes h on, so that the first loss is
that of the model's distribution for the token before.
"""
import numpy as np
import torch

from .random_order import InitialValues


@torch.no_grad()
def set_initial_values(drafter, target, vocabulary, seed):
    sizes = drafter.sizes
    hidden, exit = sizes.hidden, sizes.exit
    for parameter in drafter.parameters():
        parameter.zero_()
    random = InitialValues(seed)
    scale = np.float32(1) / np.sqrt(np.float32(hidden))
    _set(drafter.rnn_w.weight, random.values((hidden, hidden), scale))
    _set(drafter.rnn_u.weight, random.values((hidden, hidden), scale))
    basis = _orthonormal_rows(exit, hidden, random) if exit < hidden else None
    if drafter.input_proj is not None:
        weight = np.zeros((exit, 2 * hidden), dtype=np.float32)
        weight[:, hidden:] = random.values((exit, hidden), scale / np.float32(10))
        weight[:, :hidden] = np.eye(exit, hidden, dtype=np.float32) if basis is None else basis
        _set(drafter.input_proj.weight, weight)
    rows = target.head_rows(vocabulary.tokens)
    if basis is None:
        drafter.lm_head[-1].weight[:, :hidden] = rows.to(drafter.rnn_w.weight.device)
    else:
        _set(drafter.lm_head[-1].weight, rows.numpy() @ basis.T)
    if drafter.context is not None:
        _begin(drafter.context, target)
    if drafter.copy is not None:
        # About what is learnt.
        drafter.copy.votes.copy_(0.5 * torch.arange(1, sizes.copy_lengths + 1).clamp(max=8) - 1.9)
        drafter.copy.power.fill_(2.3)


def _begin(context, target):
    """The block passes the last tap on; its decoder layer is the model's last one with two output matrices of 0.

    What it adds to the hidden state begins as 0.
    """
    if context.tap_norm is not None:
        for norm in context.tap_norm:
            norm.weight.copy_(target.part("final_norm"))
    hidden, columns = context.input.weight.shape
    context.input.weight[:, columns - 2 * hidden:columns - hidden] = torch.eye(hidden)
    if hasattr(context, "projection"):
        for norm in (context.hidden_norm, context.output_norm):
            norm.weight.copy_(target.part("final_norm"))
    if context.layer is None:
        return
    for name in ("attention_norm", "feed_forward_norm", "query", "key", "value", "gate", "up"):
        getattr(context, name).weight.copy_(target.part(name))


def _orthonormal_rows(count, size, random):
    """Random directions at right angles to each other (Gram and Schmidt). `[count, size]`"""
    rows = []
    while len(rows) < count:
        row = random.values((size,), np.float32(1))
        for other in rows:
            row = row - (row @ other) * other
        norm = np.sqrt(row @ row)
        # A direction that is nearly spanned by the others has lost its digits: take another.
        if norm > 1e-3:
            rows.append(row / norm)
    return np.stack(rows)


def _set(parameter, values):
    parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))
