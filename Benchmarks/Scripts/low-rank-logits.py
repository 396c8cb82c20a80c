#!/usr/bin/env python3
"""Whether a recurrent drafter could read its LM head once per draft: the first step of a draft takes all of the head, each later one
the first one's logits and a correction of a low rank,

    logits_t = W f_1 + U V (f_t − f_1),    U V = the head's largest singular values at first

so that a draft of five steps would read, with rank 128, 5.6 MB of the shipped drafter's head in place of 13.3. Trains both forms for the
same number of steps, and prints held-out loss and shares of right guesses before and after.

    low-rank-logits.py DATA DRAFTER.gguf MODEL.gguf [--ranks 64,128,256] [--steps 150]

DATA is what `redrafter distill generate` made; drafter and model have to be in F16 (`redrafter convert … --type f16`), the drafter with
an exit narrower than two hidden states. Needs the packages of the trainer in PyTorch; votes of the text are left out.
"""
import argparse
import os
import sys
from types import SimpleNamespace

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Plugins/Drafters/Recurrent/Training/torch"))
from redrafter_torch import inputs
from redrafter_torch.batches import HELD_OUT_POSITIONS, BatchReader
from redrafter_torch.data import Data
from redrafter_torch.drafter import Drafter, DrafterSizes
from redrafter_torch.gguf import read_file
from redrafter_torch.optimizer import Optimizer, Schedule
from redrafter_torch.random_order import MASK, RootOrder, SplitMix, shuffled
from redrafter_torch.vocabulary import DraftVocabulary


def tensor(values):
    return torch.from_numpy(values.astype("float32"))


class LowRankDrafter(Drafter):
    def shorten(self, rank):
        """Takes the correction from the head, after the weights were given."""
        left, values, right = torch.linalg.svd(self.lm_head[-1].weight.detach(), full_matrices=False)
        self.up = torch.nn.Parameter(left[:, :rank] * values[:rank])
        self.down = torch.nn.Parameter(right[:rank].clone())

    def logits(self, piece, states, before_head):
        def features(states, positions):
            return before_head(self.input_proj(torch.cat([piece.hidden[positions], states], dim=-1)))

        first = features(states[:, 0], slice(None))
        own = features(states[piece.positions, piece.steps], piece.positions)
        correction = (own - first[piece.positions]) @ self.down.T @ self.up.T
        return self.lm_head[-1](first)[piece.positions] + correction


class FullDrafter(Drafter):
    def logits(self, piece, states, before_head):
        x = torch.cat([piece.hidden[piece.positions], states[piece.positions, piece.steps]], dim=-1)
        return self.lm_head[-1](before_head(self.input_proj(x)))


def losses_of(drafter, piece):
    """Of each term: the cross entropy, and whether the first guess is right."""
    logits = drafter.logits(piece, drafter._states(piece.tokens), drafter.lm_head[:-1])
    expected = (piece.label_probabilities * logits.gather(1, piece.label_rows)).sum(-1)
    losses = piece.label_probabilities.sum(-1) * logits.logsumexp(-1) - expected
    return losses, logits.argmax(-1) == piece.truth[piece.positions, piece.steps]


class Trial:
    def __init__(self, arguments):
        self.arguments = arguments
        metadata, self.weights = read_file(arguments.drafter)
        self.embedding = tensor(read_file(arguments.model)[1]["token_embd.weight"][1])
        self.sizes = DrafterSizes(
            *(metadata[f"redrafter.{name}"] for name in ("hidden_size", "exit_dim", "layer_count", "vocab_size")))
        data = Data([arguments.data])
        vocabulary = DraftVocabulary(data, 0, metadata["redrafter.draft_vocabulary"])
        settings = SimpleNamespace(draft_length=4, copy_lengths=0, loss="kd", label_temp=1.0, step_decay=0.9)
        self.reader = BatchReader(data, vocabulary, settings)
        self.order = RootOrder(data.roots(False, True), 0)
        self.held_out = shuffled(data.roots(True, True), SplitMix.stream(0, MASK))[:HELD_OUT_POSITIONS]

    def piece(self, roots):
        return inputs.piece(self.reader.positions(roots), None, (), "cpu")

    def drafter(self, rank):
        result = (LowRankDrafter if rank else FullDrafter)(self.sizes, self.embedding)
        result.load_state_dict(
            {name: tensor(self.weights[name][1]) for name in result.state_dict()})
        if rank:
            result.shorten(rank)
        return result

    @torch.no_grad()
    def evaluate(self, drafter):
        terms = torch.zeros(3, 4, dtype=torch.float64)  # loss, right, count; by step
        for start in range(0, len(self.held_out), 512):
            piece = self.piece(self.held_out[start:start + 512])
            losses, is_right = losses_of(drafter, piece)
            for row, values in enumerate((losses, is_right, torch.ones_like(losses))):
                terms[row].index_add_(0, piece.steps, values.double())
        return terms[0] / terms[2], terms[1] / terms[2]

    def run(self, rank):
        steps, name = self.arguments.steps, f"rank {rank}" if rank else "whole head"
        drafter = self.drafter(rank)
        self.report(f"{name}, before", drafter)
        schedule, optimizer = Schedule(self.arguments.learning_rate, steps // 10, steps), Optimizer(drafter, 0.05, 1)
        for step in range(steps):
            piece = self.piece(self.order.roots(step * 512, 512))
            losses, _ = losses_of(drafter, piece)
            optimizer.zero_gradients()
            ((piece.weights * losses).sum() / piece.weights.sum()).backward()
            optimizer.update(schedule.rate(step))
        self.report(f"{name}, after {steps} steps", drafter)

    def report(self, name, drafter):
        losses, right = self.evaluate(drafter)
        print(f"| {name} | " + " ".join(f"{x:.3f}" for x in losses.tolist()) + " | "
              + " ".join(f"{x:.3f}" for x in right.tolist()) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "drafter", "model"):
        parser.add_argument(name)
    parser.add_argument("--ranks", type=lambda text: [int(part) for part in text.split(",")], default=[64, 128, 256])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    arguments = parser.parse_args()
    trial = Trial(arguments)
    print("| logits | loss of each draft step | first guess right |\n|---|---|---|")
    for rank in [0, *arguments.ranks]:
        trial.run(rank)


main()
