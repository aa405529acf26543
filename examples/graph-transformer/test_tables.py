"""What is kept of a run comes back as it was handed over; claims are decided as they say: `python test_tables.py`."""

import json
import tempfile
from pathlib import Path

import numpy as np

from figure_1 import BUDGETS, PASSES
from handing import UNIT, Scores, hand_over, keep, kept, read_log_probs
from tables import claims

STEPS = (0, 3, 10)


def scores(seed, responses=5, prompts=4):
    draw = np.random.default_rng(seed)
    return Scores(
        responses=[f"train-{at}" for at in range(responses)],
        data=-draw.random(responses),
        held_out=-4 * draw.random((len(STEPS), responses)),
        prompts=[f"train-{at}" for at in range(prompts)],
        samples=9,
        counts=draw.integers(0, 10, (len(STEPS), prompts)),
        measures=[{"step": step, "kl": draw.random()} for step in STEPS],
    )


def what_is_kept_comes_back(folder):
    handed = [scores(0), scores(1)]
    handed[1].data = handed[0].data
    for seed, each in enumerate(handed):
        hand_over(folder / f"seed-{seed}", each)
    keep(folder, 2, folder / "figure-1.npz")
    again = list(kept(folder / "figure-1.npz"))
    assert len(again) == 2
    for first, second in zip(handed, again, strict=True):
        assert (second.responses, second.prompts, second.samples) == (first.responses, first.prompts, 9)
        assert second.measures == first.measures
        assert (second.data == first.data).all() and (second.counts == first.counts).all()
        apart = np.abs(second.held_out - first.held_out)
        assert 0 < apart.max() <= 0.5 / UNIT + 1e-12
    ids, models = read_log_probs(folder / "seed-1" / "log-probs.jsonl")
    assert ids == handed[1].responses and (models["step-000003"] == handed[1].held_out[1]).all()
    rows = (folder / "seed-1" / "counts.csv").read_text().splitlines()
    assert rows[5] == f"step-000003,train-0,9,{handed[1].counts[1, 0]}"
    assert json.loads((folder / "seed-0" / "measures.json").read_text()) == handed[0].measures


def run(kl, cov_4, pass_8, tournament):
    """All Pass@K are `pass_8`, and Cov_N but Cov_4 goes with the steps; the last checkpoint is that of the least KL."""
    found = [
        {
            "step": at,
            "kl": kl[at],
            "cov": [cov_4[at] if n == 4 else at / 10 for n in BUDGETS],
            "pass": [pass_8[at]] * len(PASSES),
        }
        for at in range(len(kl))
    ]
    of = {"tournament": tournament, "recommended": 1, "cross_entropy": 0, "kl": len(kl) - 1}
    return found, [{"K": k, "N": 2, "verdict": "noise", "of": of} for k in PASSES[1:]]


def claims_are_decided_as_they_say():
    one = run([1.0, 0.7, 0.8, 0.6, 0.5], [0.5, 0.2, 0.1, 0.3, 0.4], [0.1, 0.4, 0.5, 0.3, 0.2], tournament=2)
    two = run([1.0, 0.8, 0.7, 0.6, 0.5], [0.5, 0.2, 0.1, 0.3, 0.4], [0.1, 0.4, 0.6, 0.3, 0.2], tournament=2)

    def at(name, *runs):
        (row,) = (row for row in claims(runs) if row[0].startswith(name))
        return row[1:]

    def close(row, *wanted):
        assert np.allclose([float(value) for value in row[1:-1]], wanted), row

    rise = at("KL: greatest rise", one, two)
    close(rise, 0.2, 0, 0.1, 0.1 - 12.7062 * 0.1, 0.1 + 12.7062 * 0.1)  # Student's 97.5% at one degree of freedom
    assert (rise[0], rise[-1]) == ("<= 0.005", "undecided")
    assert at("KL: greatest rise", one, one)[-1] == "no" and at("KL: greatest rise", two, two)[-1] == "yes"
    assert at("KL: greatest rise", two)[2:] == [0, None, None, "undecided"], "one seed has no interval"
    turn = at("Cov_4 dips", one, two)
    close(turn, 0.3, 0.3, 0.3, 0.3, 0.3)
    assert turn[-1] == "yes"
    close(at("rank correlation of Pass@8 with -Cov_4", one, two), 1, 1, 1, 1, 1)
    close(at("rank correlation of Pass@8 with -KL", two, two), *[0.1] * 5)
    assert at("rank correlation of Pass@8 with -KL", one, two)[-1] == ""
    close(at("Pass@8 follows Cov_4 more than KL", two, two), *[0.9] * 5)
    flat = run([1.0, 0.5], [0.2, 0.2], [0.1, 0.4], tournament=0)
    *values, low, high, said = at("Pass@8 follows Cov_4 more than KL", two, flat)[2:]
    assert np.isnan(values).all() and (low, high, said) == (None, None, "undecided"), "no rank correlation at a seed"
    close(at("Pass@12 of the tournament's winner less that of the least KL", two, two), *[0.4] * 5)
    close(at("Pass@12 of the tournament's winner less that of the least cross-entropy", two, two), *[0.5] * 5)
    close(at("Pass@4 of what is recommended less that of the least cross-entropy", two, two), *[0.3] * 5)
    assert at("Pass@12 of the tournament's winner less that of the least KL", one, two)[-1] == "undecided"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        what_is_kept_comes_back(Path(folder))
    claims_are_decided_as_they_say()
    print("what is kept comes back, and claims are decided as they say")
