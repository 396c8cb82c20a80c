"""The recurrent drafter of ReDrafter (arXiv 2403.09919, section 3.1), plain or behind a context block.

    s_0 = 0
    s_t = SiLU(rnn_w · E[token_t] + rnn_u · s_{t−1} + b)
    x   = [h, s_t], projected by input_proj where the exit dimension differs from 2 · hidden
    n residual blocks x + SiLU(W x + b), then the LM head over the draft vocabulary

h is the model's last hidden state, or the output of the context block; or h is the last tap, normed, and what the block
gives is added to x. What the text so far says is added to the logits: `CopyVotes`. Modules are named so that `state_dict`
has the names and the order of the Swift drafter's tensors.
"""
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class LayerSizes:
    heads: int
    key_value_heads: int
    head_dimension: int
    feed_forward: int
    rotary_base: float


@dataclass(frozen=True)
class DrafterSizes:
    hidden: int
    exit: int
    layers: int
    vocabulary: int
    taps: tuple = ()
    norms_taps: bool = True
    layer: LayerSizes | None = None
    adds_to_hidden: bool = False
    norm_epsilon: float = 1e-5
    copy_lengths: int = 0


class Norm(nn.Module):
    def __init__(self, size, epsilon):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.epsilon = epsilon

    def forward(self, x):
        return _scaled(x, self.epsilon) * self.weight


def _scaled(x, epsilon):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + epsilon)


class ResidualBlock(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.linear = nn.Linear(size, size)

    def forward(self, x):
        return x + F.silu(self.linear(x))


class ContextBlock(nn.Module):
    """A decoder layer on the model's tapped outputs and the embedding of the following token: Swift's `ContextBlock`.

        i_t = input · [norm_1 tap_1(t), …, norm_n tap_n(t), E[x]]
        a_t = i_t + attention_output · attention(norm i_t)
        u_t = a_t + down · (SiLU(gate · norm a_t) ⊙ (up · norm a_t))

    Where it adds to the hidden state, h_t = norm tap_n(t), and x gains projection · norm u_t.
    """

    def __init__(self, sizes):
        super().__init__()
        hidden, self.layer = sizes.hidden, sizes.layer
        if sizes.norms_taps:
            self.tap_norm = nn.ModuleList(Norm(hidden, sizes.norm_epsilon) for _ in sizes.taps)
        else:
            self.tap_norm = None
        self.input = nn.Linear((len(sizes.taps) + 1) * hidden, hidden, bias=False)
        if self.layer is not None:
            self._make_layer(hidden, sizes.norm_epsilon)
        if sizes.adds_to_hidden:
            self.hidden_norm = Norm(hidden, sizes.norm_epsilon)
            self.output_norm = Norm(hidden, sizes.norm_epsilon)
            self.projection = nn.Linear(hidden, sizes.exit, bias=False)

    def _make_layer(self, hidden, epsilon):
        queries = self.layer.heads * self.layer.head_dimension
        keys = self.layer.key_value_heads * self.layer.head_dimension
        self.attention_norm = Norm(hidden, epsilon)
        self.query = nn.Linear(hidden, queries, bias=False)
        self.key = nn.Linear(hidden, keys, bias=False)
        self.value = nn.Linear(hidden, keys, bias=False)
        self.attention_output = nn.Linear(queries, hidden, bias=False)
        self.feed_forward_norm = Norm(hidden, epsilon)
        self.gate = nn.Linear(hidden, self.layer.feed_forward, bias=False)
        self.up = nn.Linear(hidden, self.layer.feed_forward, bias=False)
        self.down = nn.Linear(self.layer.feed_forward, hidden, bias=False)

    def forward(self, taps, following):
        """
        :param taps: outputs of the tapped layers. `[taps][texts, rows, hidden]`
        :param following: embedding of the token after each row. `[texts, rows, hidden]`
        :return: `[texts, rows, hidden]`
        """
        if self.tap_norm is not None:
            taps = [norm(tap) for norm, tap in zip(self.tap_norm, taps)]
        x = self.input(torch.cat([*taps, following], dim=-1))
        if self.layer is None:
            return x
        x = x + self.attention_output(self._attention(self.attention_norm(x)))
        normed = self.feed_forward_norm(x)
        return x + self.down(F.silu(self.gate(normed)) * self.up(normed))

    def _attention(self, x):
        sizes, (texts, rows, _) = self.layer, x.shape

        def parts(values, heads):
            return values.view(texts, rows, heads, sizes.head_dimension).transpose(1, 2)

        cosines, sines = self._angles(rows, x.device)
        queries = _turned(parts(self.query(x), sizes.heads), cosines, sines)
        keys = _turned(parts(self.key(x), sizes.key_value_heads), cosines, sines)
        values = parts(self.value(x), sizes.key_value_heads)
        groups = sizes.heads // sizes.key_value_heads
        attended = F.scaled_dot_product_attention(
            queries, keys.repeat_interleave(groups, dim=1), values.repeat_interleave(groups, dim=1),
            is_causal=True)
        return attended.transpose(1, 2).reshape(texts, rows, -1)

    def _angles(self, rows, device):
        size = self.layer.head_dimension
        pairs = torch.arange(0, size, 2, dtype=torch.float64, device=device)
        frequencies = self.layer.rotary_base ** (-pairs / size)
        angles = torch.arange(rows, dtype=torch.float64, device=device)[:, None] * frequencies
        return angles.cos().float(), angles.sin().float()


def _turned(x, cosines, sines):
    """Rotary embedding: element i of a head is turned with i + d/2."""
    low, high = x.chunk(2, dim=-1)
    return torch.cat([low * cosines - high * sines, high * cosines + low * sines], dim=-1)


class CopyVotes(nn.Module):
    """What earlier places of the text add to the logits: Swift's `CopyVotes`.

        logit(v) += power · log(1 + Σ over matches that v followed: exp(a_m)), m = length of the match
    """

    def __init__(self, lengths):
        super().__init__()
        self.votes = nn.Parameter(torch.zeros(lengths))
        self.power = nn.Parameter(torch.zeros(1))

    def forward(self, rows, lengths, vocabulary):
        """:param rows: that were followed, with the lengths of their matches. `[T, M]` :return: `[T, vocabulary]`"""
        weights = torch.where(lengths > 0, self.votes.exp()[(lengths - 1).clamp(min=0)], 0)
        sums = weights.new_zeros(len(rows), vocabulary).scatter_add(1, rows, weights)
        return self.power * sums.log1p()


@dataclass
class Piece:
    """A part of a batch on the device. N positions, L steps, K labels, T terms with a weight."""

    tokens: torch.Tensor  # [N, L]
    positions: torch.Tensor  # [T], position of each term
    steps: torch.Tensor  # [T]
    label_rows: torch.Tensor  # [T, K]
    label_probabilities: torch.Tensor  # [T, K]
    weights: torch.Tensor  # [T]
    truth: torch.Tensor  # [N, L], -1 where the draft vocabulary lacks the token; of steps that are no terms, too
    match_rows: torch.Tensor | None = None  # [T, M]
    match_lengths: torch.Tensor | None = None  # [T, M], 0 for an unused entry
    hidden: torch.Tensor | None = None  # [N, H]
    taps: list | None = None  # [taps][texts, rows, H]
    following: torch.Tensor | None = None  # [texts, rows], the token after each row
    position_rows: torch.Tensor | None = None  # [N], rows counted over all texts with their padding
    has_next: torch.Tensor | None = None  # [texts, rows], whether the next state can be learnt

    def survival(self, probabilities):
        """The chance that each term's step is reached: the product over the terms of the position before it.

        Of a step that is no term is known only whether its token can be guessed. Where it cannot, nothing after it is
        reached.

        :param probabilities: the drafter's, of the token that came. `[T]`
        """
        factors = F.pad((self.truth >= 0).to(probabilities.dtype), (1, 0), value=1)  # [N, 1 + L]
        factors[self.positions, self.steps + 1] = probabilities
        return factors.cumprod(1)[self.positions, self.steps]


class Drafter(nn.Module):
    def __init__(self, sizes, embedding):
        super().__init__()
        self.sizes = sizes
        hidden, exit = sizes.hidden, sizes.exit
        self.context = ContextBlock(sizes) if sizes.taps else None
        self.rnn_u = nn.Linear(hidden, hidden)
        self.rnn_w = nn.Linear(hidden, hidden, bias=False)
        self.input_proj = nn.Linear(2 * hidden, exit) if exit != 2 * hidden else None
        self.lm_head = nn.Sequential(
            *(ResidualBlock(exit) for _ in range(sizes.layers)), nn.Linear(exit, sizes.vocabulary, bias=False))
        self.copy = CopyVotes(sizes.copy_lengths) if sizes.copy_lengths > 0 else None
        # The model's, never changed and no part of the drafter: no buffer. [model's vocabulary, hidden]
        self.embedding = embedding

    def forward(self, piece):
        """
        :return: of each term the cross entropy −Σ p_k log q_k in nats, whether the largest logit is that of the token
            that came, and that token's probability, which has no gradient `[T]`; and the sum over rows of the context
            block's mean squared error where it guesses the next state
        """
        states = self._states(piece.tokens)[piece.positions, piece.steps]
        hidden, addition, state_errors = self._condition(piece)
        x = torch.cat([hidden[piece.positions], states], dim=-1)
        if self.input_proj is not None:
            x = self.input_proj(x)
        if addition is not None:
            x = x + addition[piece.positions]
        logits = self.lm_head(x)
        if self.copy is not None:
            logits = logits + self.copy(piece.match_rows, piece.match_lengths, logits.shape[1])
        expected = (piece.label_probabilities * logits.gather(1, piece.label_rows)).sum(-1)
        log_sums = logits.logsumexp(-1)
        losses = piece.label_probabilities.sum(-1) * log_sums - expected
        with torch.no_grad():
            truth = piece.truth[piece.positions, piece.steps]
            came = logits.gather(1, truth.clamp(min=0)[:, None])[:, 0] - log_sums
            probabilities = torch.where(truth < 0, 0, came.exp())
            is_right = logits.argmax(-1) == truth
        return losses, is_right, probabilities, state_errors

    def _condition(self, piece):
        """h of the positions `[N, H]`, what is added to their x `[N, exit]`, and the sum of errors of guessed states."""
        if self.context is None:
            return piece.hidden, None, piece.hidden.new_zeros(())

        def positions(values):
            return values.flatten(0, 1)[piece.position_rows]

        rows = self.context(piece.taps, F.embedding(piece.following, self.embedding))
        if not self.sizes.adds_to_hidden:
            return positions(rows), None, rows.new_zeros(())
        hidden = self.context.hidden_norm(positions(piece.taps[-1]))
        addition = self.context.projection(self.context.output_norm(positions(rows)))
        epsilon = self.sizes.norm_epsilon
        errors = (_scaled(rows[:, :-1], epsilon) - _scaled(piece.taps[-1][:, 1:], epsilon)).pow(2).mean(-1)
        return hidden, addition, (errors * piece.has_next[:, :-1]).sum()

    def _states(self, tokens):
        """`[N, L, H]`"""
        fed = self.rnn_w(F.embedding(tokens, self.embedding))
        states = [F.silu(fed[:, 0] + self.rnn_u(fed.new_zeros(1, fed.shape[-1])))]
        for step in range(1, tokens.shape[1]):
            states.append(F.silu(fed[:, step] + self.rnn_u(states[-1])))
        return torch.stack(states, dim=1)
