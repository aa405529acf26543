"""Fresh prompts have the form and the distribution of `graph-task`'s: `python test_graph_task.py EXPORT FIGURE`."""

import collections
import math
import sys

import torch

from graph_task import CLASSES, WIDTH, GraphTask, read_records, sequences


def understood(task, tokens, start):
    """What a prompt says, read without a look at how it was made: layers, passable nodes, class, pi_D's paths."""
    bar, slash, equals = task.names, task.names + 1, task.names + 2
    prompt, response = tokens[:start], tokens[start : start + task.horizon]
    assert prompt[-4] == slash and prompt[-1] == equals, prompt
    source, target = prompt[-3], prompt[-2]
    edges = [(prompt[at], prompt[at + 1]) for at in range(0, start - 4, 3)]
    assert all(prompt[at] == bar for at in range(2, start - 4, 3))
    assert len(set(edges)) == len(edges)
    after = collections.defaultdict(set)
    for begin, end in edges:
        after[begin].add(end)
    layers, passable = [], []
    layer = after[source]
    for _ in range(task.layers):
        assert len(layer) == WIDTH
        layers.append(layer)
        passable.append(sorted(node for node in layer if node in after))
        ends = {frozenset(after[node]) for node in passable[-1]}
        assert len(ends) == 1, "passable nodes lead to all of the next layer"
        (layer,) = ends
    assert layer == {target} and target not in after
    nodes = [source, target, *(node for layer in layers for node in layer)]
    assert len(set(nodes)) == 2 + WIDTH * task.layers
    one, other = (sum(half[node] for node in nodes) % 2 for half in task.halves.tolist())
    choices = [at for at, pair in enumerate(passable) if len(pair) == 2]
    if task.figure == "figure-1":
        of = 2 if other else int(one)
        flip = of
    else:
        of = 2 if other else int(bool(choices))
        flip = sum(node for pair in passable for node in pair) % 2
    assert len(choices) == task.choices[of]
    paths = [[]]
    for at, pair in enumerate(passable, 1):
        if len(pair) == 2:
            assert sum(node % 2 for node in pair) == 1
            if of < 2:
                pair = [node for node in pair if node % 2 == (at + flip) % 2]
        paths = [[*path, node] for path in paths for node in pair]
    paths = [[source, *path, target] for path in paths]
    assert response in paths, (of, response, paths)
    places = [edges.index((source, node)) / len(edges) for node in after[source]]
    return (
        of,
        choices,
        -math.log(len(paths)),
        paths.index(response) / len(paths),
        edges,
        sum(places) / len(places),
        nodes,
    )


def summary(task, rows):
    """Means that an error of the distribution would move: [(value, standard error)]."""
    columns = []
    for of, choices, log_prob, which, edges, place, nodes in rows:
        likely = [float(of == each) for each in range(3)]
        where = [float(at in choices) for at in range(task.layers)]
        few = [
            nodes[0] / task.names,
            nodes[1] / task.names,
            nodes[2] % 2,
            nodes[5] / task.names,
            edges[0][0] / task.names,
        ]
        columns.append([*likely, *where, log_prob, which, place, len(edges), *few])
    values = torch.tensor(columns, dtype=torch.float64)
    return values.mean(0), values.std(0) / math.sqrt(len(values))


def main(path, figure):
    records = read_records(path)
    task = GraphTask(figure, records)
    exported = sequences(records, figure)
    rows = [understood(task, *row) for row in zip(exported.tokens.tolist(), exported.start.tolist(), strict=True)]
    for row, of, log_prob in zip(rows, exported.classes.tolist(), exported.log_prob.tolist(), strict=True):
        assert row[0] == of and math.isclose(row[2], log_prob)
    weights = [sum(row[0] == of for row in rows) / len(rows) for of in range(3)]
    fresh = task.fresh(4 * len(rows), weights, torch.Generator().manual_seed(1))
    drawn = [understood(task, *row) for row in zip(fresh.tokens.tolist(), fresh.start.tolist(), strict=True)]
    for row, of, log_prob in zip(drawn, fresh.classes.tolist(), fresh.log_prob.tolist(), strict=True):
        assert row[0] == of and math.isclose(row[2], log_prob, abs_tol=1e-12)
    (ours, our_error), (theirs, their_error) = summary(task, drawn), summary(task, rows)
    apart = ((ours - theirs).abs() / (our_error**2 + their_error**2).sqrt().clamp(min=1e-9)).max().item()
    assert apart < 4.5, f"a mean of fresh prompts is {apart:.1f} standard errors from that of the export"
    assert list(CLASSES[figure]) == sorted({record["class"] for record in records} | set(CLASSES[figure]))
    print(f"{len(drawn)} fresh prompts are as those of {path}: at most {apart:.1f} standard errors apart")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
