"""SUMN in plain PyTorch, as one would write it first: one training step, timed."""

from __future__ import annotations

import contextlib
import sys

import torch
import torch.nn.functional as F  # noqa: N812 - as all of PyTorch's users call it
from torch import nn

from benchmarks.train_step.shapes import (
    BATCH,
    DIMENSION,
    HOPS,
    SHAPES,
    best_seconds,
    draw_words,
    peak_gigabytes,
    report,
    targets,
)


class Sumn(nn.Module):
    """Encoder and output layer; words are embedded in bags, hops attend one after the other."""

    def __init__(self, vocabulary_size: int):
        super().__init__()
        d = DIMENSION
        self.embedding = nn.EmbeddingBag(vocabulary_size + 1, d, mode="mean", padding_idx=0)
        self.keys = nn.Sequential(nn.Linear(d, d, bias=False), nn.LayerNorm(d))
        self.values = nn.Sequential(nn.Linear(d, d, bias=False), nn.LayerNorm(d))
        self.user_norm = nn.LayerNorm(d)
        self.initial_memory = nn.Parameter(0.05 * torch.randn(d))
        self.projection = nn.Linear(d, d, bias=False)
        self.output = nn.Linear(d, vocabulary_size, bias=False)

    def forward(self, words, lengths):
        """Maps words, int [users, behaviors, words], to logits, float [users, hops, vocabulary].

        `lengths`, int [users], counts the behaviours that are not padding.
        """
        users, behaviors, length = words.shape
        embedded = self.embedding(words.view(-1, length)).view(users, behaviors, -1)
        keys, values = self.keys(embedded), self.values(embedded)
        padding = torch.arange(behaviors)[None] >= lengths[:, None]
        memory = query = self.initial_memory.expand(users, -1)
        hops = []
        for _ in range(HOPS):
            logits = torch.einsum("btd,bd->bt", keys, query)
            attention = logits.masked_fill(padding, float("-inf")).softmax(-1)
            memory = memory + torch.einsum("bt,btd->bd", attention, values)
            query = self.user_norm(memory)
            hops.append(query)
        return self.output(F.relu(self.projection(torch.stack(hops, 1))))


def main(name: str, precision: str, steps: int, tuned: bool = False) -> None:
    """Times PyTorch's training step on a shape, and reports the users a second.

    Args:
        name: Key of `SHAPES`.
        precision: float32 or bfloat16.
        steps: How many are timed.
        tuned: Whether model and loss are compiled, and Adam is fused.
    """
    shape = SHAPES[name]
    torch.manual_seed(0)
    model = Sumn(shape.vocabulary_size)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, fused=tuned)
    history = torch.from_numpy(draw_words(shape, BATCH, seed=0))
    lengths = torch.full((BATCH,), shape.behaviors)
    ids, counts = map(torch.from_numpy, targets(draw_words(shape, BATCH, seed=1)))

    def loss() -> torch.Tensor:
        target = torch.zeros(BATCH, shape.vocabulary_size + 1)
        target = target.scatter_(1, ids, torch.log1p(counts.float()))[:, 1:]
        target = target / target.sum(1, keepdim=True)
        half = torch.autocast("cpu", torch.bfloat16)
        with half if precision == "bfloat16" else contextlib.nullcontext():
            log_predicted = F.log_softmax(model(history, lengths), dim=-1)
            target = target[:, None].expand_as(log_predicted)
            return F.kl_div(log_predicted, target, reduction="sum") / BATCH

    if tuned:
        loss = torch.compile(loss)

    def step() -> None:
        value = loss()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()

    report(users=BATCH / best_seconds(step, steps), gigabytes=peak_gigabytes())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
