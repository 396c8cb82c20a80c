#!/usr/bin/env python3
"""Positions per second of PyTorch on the CPU, training the recurrent drafter that `redrafter train rnn` trains by default:
the same sizes, the same number of draft steps, cross-entropy against sparse soft labels, AdamW with clipping. The data are
random, which changes nothing about the time.

    OMP_NUM_THREADS=2 python3 train-peer.py [--iterations 12] [--batch-size 512] [--draft-vocab 8192]
"""
import argparse
import time

import torch
from torch import nn

HIDDEN, EXIT, LAYERS, STEPS, LABELS, VOCABULARY = 576, 576, 2, 4, 16, 49152


class Drafter(nn.Module):
    def __init__(self, rows):
        super().__init__()
        self.token = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.state = nn.Linear(HIDDEN, HIDDEN)
        self.project = nn.Linear(2 * HIDDEN, EXIT)
        self.blocks = nn.ModuleList(nn.Linear(EXIT, EXIT) for _ in range(LAYERS))
        self.head = nn.Linear(EXIT, rows, bias=False)

    def forward(self, hidden, embedded):
        """[N, H], [N, L, H] to logits [N, L, rows]"""
        state, outputs = torch.zeros_like(hidden), []
        for step in range(STEPS):
            state = nn.functional.silu(self.token(embedded[:, step]) + self.state(state))
            outputs.append(torch.cat([hidden, state], dim=-1))
        x = self.project(torch.stack(outputs, dim=1))
        for block in self.blocks:
            x = x + nn.functional.silu(block(x))
        return self.head(x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--iterations", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--draft-vocab", type=int, default=8192)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    count, rows = arguments.batch_size, arguments.draft_vocab
    embedding = torch.randn(VOCABULARY, HIDDEN)
    drafter = Drafter(rows)
    optimizer = torch.optim.AdamW(drafter.parameters(), lr=1e-3, betas=(0.9, 0.95))
    speeds = []
    for iteration in range(arguments.iterations):
        hidden = torch.randn(count, HIDDEN)
        tokens = torch.randint(VOCABULARY, (count, STEPS))
        labels = torch.randint(rows, (count, STEPS, LABELS))
        probabilities = torch.softmax(torch.randn(count, STEPS, LABELS), dim=-1)
        start = time.perf_counter()
        logits = drafter(hidden, embedding[tokens])
        log_probabilities = torch.log_softmax(logits, dim=-1).gather(-1, labels)
        loss = -(probabilities * log_probabilities).sum(-1).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(drafter.parameters(), 1.0)
        optimizer.step()
        if iteration >= 2:
            speeds.append(count / (time.perf_counter() - start))
    speeds.sort()
    print(f"torch {torch.__version__}, {arguments.threads} threads: {speeds[len(speeds) // 2]:.0f} positions/s "
          f"({speeds[0]:.0f}-{speeds[-1]:.0f})")


main()
