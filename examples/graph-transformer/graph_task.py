"""The graph reasoning task: prompts from `coverage-principle graph-task`, and fresh ones of the same distribution.

A prompt lists the edges of a layered graph in random order and asks for a path from s to t; the response is the path.
Layers have four nodes, one or two of them passable; where two are, pi_D chooses by the class of the prompt, which is
hidden in it as the parity of how many nodes lie in fixed hidden halves of the names.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

WIDTH = 4
CLASSES = {"figure-1": ("G1", "G2", "G3"), "figure-2": ("1", "2", "3")}


@dataclass
class Sequences:
    """Prompts with a response each: `tokens` [n, T] are padded with 0 on the right."""

    tokens: torch.Tensor
    start: torch.Tensor  # [n]: where the response begins
    classes: torch.Tensor  # [n]: 0, 1, 2
    log_prob: torch.Tensor  # [n]: log pi_D of the response
    horizon: int  # tokens of a response
    ids: list = field(default_factory=list)

    def __len__(self):
        return len(self.tokens)

    def at(self, index):
        ids = self.ids[index] if self.ids and isinstance(index, slice) else []
        return Sequences(
            self.tokens[index], self.start[index], self.classes[index], self.log_prob[index], self.horizon, ids
        )

    def to(self, device):
        moved = (part.to(device) for part in (self.tokens, self.start, self.classes, self.log_prob))
        return Sequences(*moved, self.horizon, self.ids)

    def positions(self):
        """Where the response's tokens stand, [n, H]."""
        return self.start[:, None] + torch.arange(self.horizon, device=self.start.device)

    def responses(self):
        return self.tokens.gather(1, self.positions())


def read_records(path):
    with Path(path).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def sequences(records, figure, response="sampled"):
    """Records of an export as sequences: with the response sampled from pi_D, or with `each` that has probability."""
    rows = []
    for record in records:
        every = [(answer["tokens"], answer["probability"]) for answer in record["responses"]]
        if response == "sampled":
            every = [(tokens, p) for tokens, p in every if tokens == record["responseTokens"]]
        rows += [(record, tokens, p) for tokens, p in every]
    length = max(len(record["promptTokens"]) + len(tokens) for record, tokens, _ in rows)
    padded = torch.zeros(len(rows), length, dtype=torch.long)
    for row, (record, tokens, _) in enumerate(rows):
        together = torch.tensor(record["promptTokens"] + tokens)
        padded[row, : len(together)] = together
    return Sequences(
        tokens=padded,
        start=torch.tensor([len(record["promptTokens"]) for record, _, _ in rows]),
        classes=torch.tensor([CLASSES[figure].index(record["class"]) for record, _, _ in rows]),
        log_prob=torch.tensor([math.log(p) for _, _, p in rows], dtype=torch.float64),
        horizon=len(rows[0][1]),
        ids=[record["id"] for record, _, _ in rows],
    )


class GraphTask:
    """What the records of an export have in common, and fresh prompts like them."""

    def __init__(self, figure, records):
        self.figure = figure
        self.layers = len(records[0]["responseTokens"]) - 2
        self.names = records[0]["promptTokens"][-1] - 2  # the last token is `=`, m + 2
        self.vocabulary = self.names + 3
        self.horizon = self.layers + 2
        self.choices = {"figure-1": (2, 2, 2), "figure-2": (0, self.layers // 2, 4)}[figure]
        self.halves = self._hidden_halves(records)
        most = max(self.choices)
        most_edges = WIDTH * self.layers + 1 + WIDTH * most - (WIDTH - 1) * (most == self.layers)
        self.length = 3 * most_edges + 3 + self.horizon

    def _hidden_halves(self, records):
        """The hidden halves, as [2, m] of 0 and 1: each class is a linear equation over the field of two elements."""
        nodes = np.zeros((len(records), self.names), dtype=np.uint8)
        for row, record in enumerate(records):
            nodes[row, [token for token in record["promptTokens"] if token < self.names]] = 1
        of = np.array([CLASSES[self.figure].index(record["class"]) for record in records])
        if len(set(of)) < 3 or len(records) < 4 * self.names:
            raise ValueError(
                "The hidden halves follow from more prompts, of all classes: export the whole validation set."
            )
        one = np.zeros(self.names, dtype=np.uint8)
        if self.figure == "figure-1":
            one = solve_mod_2(nodes[of < 2], of[of < 2] == 1)
        return torch.tensor(np.stack([one, solve_mod_2(nodes, of == 2)]))

    def fresh(self, count, weights, generator, device="cpu"):
        """`count` fresh prompts of the mixture of classes, with responses of pi_D; all on `device`."""
        on = {"device": device, "generator": generator}
        layers = self.layers
        middle = torch.arange(1, layers + 1, device=device)  # numbers of the middle layers
        of = torch.multinomial(
            torch.tensor(weights, dtype=torch.float64, device=device), count, True, generator=generator
        )
        choices = torch.tensor(self.choices, device=device)[of]
        chosen = torch.rand(count, layers, **on).argsort(1).argsort(1) < choices[:, None]
        first = torch.randint(WIDTH, (count, layers), **on)
        second = (first + torch.randint(1, WIDTH, (count, layers), **on)) % WIDTH

        nodes = torch.empty(count, 2 + WIDTH * layers, dtype=torch.long, device=device)
        left = torch.arange(count, device=device)
        while len(left):  # a set of names that no target completes is drawn again
            drawn, complete = self._names(of[left], chosen[left], first[left], second[left], on)
            nodes[left] = drawn
            left = left[~complete]
        layer = nodes[:, 1:-1].view(count, layers, WIDTH)
        source, target = nodes[:, :1], nodes[:, -1:]
        one = layer.gather(2, first[..., None]).squeeze(2)
        two = layer.gather(2, second[..., None]).squeeze(2)

        # Of the two nodes of a choice one is even, the other odd: pi_D takes the one whose parity is `wanted`.
        if self.figure == "figure-1":
            flip = (of == 1).long()
        else:
            flip = (one.sum(1) + torch.where(chosen, two, 0).sum(1)) % 2  # the parity of all passable nodes
        wanted = (middle + flip[:, None]) % 2
        uniform = (of == 2)[:, None]
        wanted = torch.where(uniform, torch.randint(2, (count, layers), **on), wanted)
        path = torch.where(chosen & (one % 2 != wanted), two, one)

        pair = torch.stack([one, two], 2)  # passable nodes, the second only where there is a choice
        exists = torch.stack([torch.ones_like(chosen), chosen], 2)
        inner = (count, layers - 1, 2, WIDTH)
        begin = torch.cat([source.expand(-1, WIDTH), pair[:, :-1, :, None].expand(inner).flatten(1), pair[:, -1]], 1)
        end = torch.cat([layer[:, 0], layer[:, 1:, None].expand(inner).flatten(1), target.expand(-1, 2)], 1)
        real = torch.cat(
            [exists.new_ones(count, WIDTH), exists[:, :-1, :, None].expand(inner).flatten(1), exists[:, -1]], 1
        )
        order = torch.where(real, torch.rand(real.shape, **on), 2.0).argsort(1)
        order = order[:, : (self.length - 3 - self.horizon) // 3]
        edges = real.sum(1)
        bar = torch.full_like(order, self.names)
        triples = torch.stack([begin.gather(1, order), end.gather(1, order), bar], 2)
        triples = torch.where(real.gather(1, order)[..., None], triples, 0).flatten(1)
        tokens = torch.zeros(count, self.length, dtype=torch.long, device=device)
        tokens[:, : triples.shape[1]] = triples
        tail = torch.cat(
            [torch.full_like(source, self.names + 1), source, target, torch.full_like(source, self.names + 2)], 1
        )
        tail = torch.cat([tail, source, path, target], 1)
        tokens.scatter_(1, 3 * edges[:, None] - 1 + torch.arange(tail.shape[1], device=device), tail)
        log_prob = torch.where(of == 2, -math.log(2) * choices.double(), 0.0)
        return Sequences(tokens, 3 * edges + 3, of, log_prob, self.horizon)

    def _names(self, of, chosen, first, second, on):
        """Distinct names for all nodes: those of choices first, one even and one odd; then the others; the target last,
        among those that give the hidden halves the parities of the class. Returns which rows have such a target."""
        count, layers = chosen.shape
        device = of.device
        every = torch.arange(count, device=device)[:, None]
        half = {
            parity: 2 * torch.rand(count, (self.names + 1 - parity) // 2, **on).argsort(1) + parity for parity in (0, 1)
        }
        number = (chosen.cumsum(1) - 1).clamp(min=0)  # which choice a layer is
        odd = torch.randint(2, (count, layers), **on).bool()
        even_name, odd_name = half[0].gather(1, number), half[1].gather(1, number)
        nodes = torch.full((count, layers, WIDTH), -1, device=device)
        nodes.scatter_(2, first[..., None], torch.where(chosen, torch.where(odd, odd_name, even_name), -1)[..., None])
        others = torch.where(chosen, torch.where(odd, even_name, odd_name), nodes.gather(2, second[..., None])[..., 0])
        nodes.scatter_(2, second[..., None], others[..., None])
        nodes = torch.cat([torch.full_like(of, -1)[:, None], nodes.flatten(1)], 1)

        used = torch.zeros(count, self.names + 1, dtype=torch.bool, device=device)
        used[every, nodes] = True  # -1 marks the column beyond the names
        order = torch.where(used[:, :-1], 2.0, torch.rand(count, self.names, **on)).argsort(1)
        open_ = nodes < 0
        nodes = torch.where(open_, order.gather(1, (open_.cumsum(1) - 1).clamp(min=0)), nodes)

        halves = self.halves.to(device).long()
        one, other = halves[0][nodes].sum(1) % 2, halves[1][nodes].sum(1) % 2
        allowed = halves[1][order] == (other ^ (of == 2))[:, None]
        if self.figure == "figure-1":
            allowed &= (of == 2)[:, None] | (halves[0][order] == (one ^ (of == 1))[:, None])
        used[every, nodes] = True
        allowed &= ~used[every, order]
        target = order.gather(1, allowed.int().argmax(1, keepdim=True))
        return torch.cat([nodes, target], 1), allowed.any(1)


def solve_mod_2(matrix, right):
    """A solution of matrix @ x = right over the field of two elements; an error if there is none."""
    rows = np.concatenate([matrix.astype(np.uint8), np.asarray(right, dtype=np.uint8)[:, None]], 1)
    pivots = []
    for column in range(matrix.shape[1]):
        found = np.flatnonzero(rows[len(pivots) :, column])
        if len(found) == 0:
            continue
        here, at = len(pivots), len(pivots) + found[0]
        rows[[here, at]] = rows[[at, here]]
        others = np.flatnonzero(rows[:, column])
        rows[others[others != here]] ^= rows[here]
        pivots.append(column)
    if rows[len(pivots) :, -1].any():
        raise ValueError("The classes do not follow from hidden halves of the names: is this an export of graph-task?")
    solution = np.zeros(matrix.shape[1], dtype=np.uint8)
    solution[pivots] = rows[: len(pivots), -1]
    return solution
