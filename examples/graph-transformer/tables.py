"""Tables of a run: the figure's points, who picks what, and the claims of `coverage-principle reproduce figure-1`."""

import json
from itertools import product

import numpy as np
from scipy import stats

from figure_1 import BUDGETS, PASSES
from handing import name_of
from scoring import write_whole


def read_seed(folder):
    """Measures of the checkpoints of a seed, and for each K the indices of those that are picked."""
    found = json.loads((folder / "measures.json").read_text())
    chosen = json.loads((folder / "select.json").read_text())
    names = [name_of(at["step"]) for at in found]
    picks = []
    for held in chosen["tournaments"]:
        of = {
            "tournament": names.index(held["winner"]),
            "recommended": names.index(held["recommendation"]["model"]),
            "cross_entropy": names.index(chosen["crossEntropy"]["winner"]),
            "kl": int(kl_of(found).argmin()),
        }
        picks.append({"K": held["bestOf"], "N": held["N"], "verdict": held["verdict"], "of": of})
    return found, picks


def summary(out, seeds):
    """`figure-1.csv`, a checkpoint of a seed each; `picks.csv`: for each K the tournament's winner at
    N = (K/2)^(2/3), what `select` recommends for K, and the checkpoints of least cross-entropy and of least KL,
    with the exact Pass@K of each, and the best Pass@K there is; `claims.csv`. Returns what it read."""
    runs = [read_seed(out / f"seed-{seed}") for seed in range(seeds)]
    points, rows = [], []
    for seed, (found, picks) in enumerate(runs):
        points += [[seed, at["step"], at["kl"], *at["cov"], *at["pass"]] for at in found]
        for pick in picks:
            passes = pass_at(found, pick["K"])
            row = [seed, pick["K"], pick["N"], pick["verdict"]]
            for at in pick["of"].values():
                row += [found[at]["step"], passes[at]]
            rows.append([*row, passes.max()])
    head = ["seed", "step", "kl", *(f"cov_{n}" for n in BUDGETS), *(f"pass_{k}" for k in PASSES)]
    write_table(out / "figure-1.csv", head, points)
    by = [f"{of}_{what}" for of in runs[0][1][0]["of"] for what in ("step", "pass")]
    write_table(out / "picks.csv", ["seed", "best_of", "N", "verdict", *by, "best_pass"], rows)
    head = ["claim", "allows", *(f"seed_{seed}" for seed in range(seeds)), "mean", "low", "high", "holds"]
    write_table(out / "claims.csv", head, claims(runs))
    return runs


def cov(found, n):
    return np.array([at["cov"][BUDGETS.index(n)] for at in found])


def pass_at(found, k):
    return np.array([at["pass"][PASSES.index(k)] for at in found])


def kl_of(found):
    return np.array([at["kl"] for at in found])


def rise(values):
    """The greatest rise between two checkpoints, as a share of the whole fall."""
    return max(np.diff(values).max(), 0) / (values[0] - values[-1])


def turn(values):
    return min(values[0], values[-1]) - values.min()


def follows(found, k, cost):
    """Rank correlation of Pass@k with minus `cost`; nan where one of them is the same at all checkpoints."""
    if np.ptp(cost) == 0 or np.ptp(pass_at(found, k)) == 0:
        return np.nan
    return stats.spearmanr(pass_at(found, k), -cost).statistic


def gain(found, picks, k, of, over):
    """Pass@k of the pick `of` less that of the pick `over`."""
    (at,) = (pick["of"] for pick in picks if pick["K"] == k)
    return pass_at(found, k)[at[of]] - pass_at(found, k)[at[over]]


def claims(runs):
    """A row each: what it says, what it allows, its value at each seed, their mean with Student's 95% interval, and
    whether the whole interval lies within what is allowed. What allows nothing is described and not claimed."""
    rows = [row("KL: greatest rise as a share of its fall", "<=", 0.005, [rise(kl_of(found)) for found, _ in runs])]
    for n in BUDGETS[:-1]:
        turns = [turn(cov(found, n)) for found, _ in runs]
        bound = (">=", 0.002) if n > 2 else (None, None)  # without the class, one path has at most 1/2
        rows.append(row(f"Cov_{n} dips and rises: least of its start and end less its least", *bound, turns))
    for k in PASSES[1:]:
        by_cov = np.array([follows(found, k, cov(found, k // 2)) for found, _ in runs])
        by_kl = np.array([follows(found, k, kl_of(found)) for found, _ in runs])
        rows.append(row(f"rank correlation of Pass@{k} with -Cov_{k // 2}", None, None, by_cov))
        rows.append(row(f"rank correlation of Pass@{k} with -KL", None, None, by_kl))
        bound = (">=", 0.01) if k >= 8 else (None, None)  # the paper speaks of large N
        rows.append(row(f"Pass@{k} follows Cov_{k // 2} more than KL: the difference", *bound, by_cov - by_kl))
    picks = {"tournament": "the tournament's winner", "recommended": "what is recommended"}
    for (of, pick), (over, loss) in product(picks.items(), (("kl", "KL"), ("cross_entropy", "cross-entropy"))):
        for k in PASSES[1:]:
            gains = [gain(*run, k, of, over) for run in runs]
            rows.append(row(f"Pass@{k} of {pick} less that of the least {loss}", ">=", 0.001, gains))
    return rows


def row(name, relation, bound, values):
    values = np.array(values, float)
    mean, low, high = values.mean(), None, None
    if np.isnan(mean):
        pass  # not known at some seed: decides nothing
    elif (values == values[0]).all() and len(values) > 1:
        low = high = mean
    elif len(values) > 1:
        half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
        low, high = mean - half, mean + half
    verdict = ""
    if relation is not None:
        verdict = "undecided"
        if low is not None:
            within = [value <= bound if relation == "<=" else value >= bound for value in (low, high)]
            verdict = "yes" if all(within) else "undecided" if any(within) else "no"
    allowed = "" if relation is None else f"{relation} {bound}"
    return [name, allowed, *values.tolist(), mean, low, high, verdict]


def write_table(path, head, rows):
    text = ["" if value is None else str(value) for row in [head, *rows] for value in row]
    width = len(head)
    lines = [",".join(text[at : at + width]) for at in range(0, len(text), width)]
    write_whole(path, "\n".join(lines) + "\n")
