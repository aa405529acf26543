"""What a run of fine-tuning hands over: files for the package's commands, and one small `.npz` to keep."""

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scoring import write_whole

UNIT = 4096  # kept log-probabilities are whole multiples of 1/UNIT nats


@dataclass
class Scores:
    """Of the checkpoints of one seed: log-probabilities [checkpoints, responses], how many of `samples` samples were
    right [checkpoints, prompts], exact measures of each."""

    responses: list
    data: np.ndarray  # log pi_D of each response
    held_out: np.ndarray
    prompts: list
    samples: int
    counts: np.ndarray
    measures: list


def name_of(step):
    return f"step-{step:06d}"


def hand_over(folder, scores):
    """The files of a seed for `select`, `profile` and `pass-at-k`; returns its measures, a checkpoint each."""
    folder = Path(folder)
    names = [name_of(at["step"]) for at in scores.measures]
    write_log_probs(folder / "log-probs.jsonl", scores.responses, dict(zip(names, scores.held_out, strict=True)))
    write_log_probs(folder / "pi-D.jsonl", scores.responses, {"pi_D": scores.data})
    counts = dict(zip(names, scores.counts, strict=True))
    write_counts(folder / "counts.csv", scores.prompts, counts, scores.samples)
    write_whole(folder / "measures.json", json.dumps(scores.measures) + "\n")
    return scores.measures


def write_log_probs(path, ids, models):
    """JSON Lines for `select` and `profile`: `models` maps names to log-probabilities in the order of `ids`."""
    rows = (
        json.dumps({"id": row, "model": name, "logProb": float(value)})
        for name, values in models.items()
        for row, value in zip(ids, values, strict=True)
    )
    write_whole(path, "".join(f"{row}\n" for row in rows))


def write_counts(path, ids, models, samples):
    """CSV for `pass-at-k`: how many of `samples` responses to each prompt were right."""
    rows = (
        f"{name},{row},{samples},{int(count)}\n"
        for name, counts in models.items()
        for row, count in zip(ids, counts, strict=True)
    )
    write_whole(path, "model,problem,n,c\n" + "".join(rows))


def keep(out, seeds, path):
    """Writes what seeds 0 to `seeds` - 1 have handed over in `out` to one `.npz`, log-probabilities rounded to 1/4096
    nats."""
    kept = {}
    for seed in range(seeds):
        folder = Path(out) / f"seed-{seed}"
        found = (folder / "measures.json").read_text()
        names = [name_of(at["step"]) for at in json.loads(found)]
        responses, log_probs = read_log_probs(folder / "log-probs.jsonl")
        _, data = read_log_probs(folder / "pi-D.jsonl")
        counts = [row.split(",") for row in (folder / "counts.csv").read_text().splitlines()[1:]]
        prompts = [row[1] for row in counts if row[0] == names[0]]
        held_out = np.rint(np.stack([log_probs[name] for name in names]) * UNIT).astype(np.int32)
        kept[f"measures_{seed}"] = np.array(found)
        kept[f"held_out_{seed}"] = np.diff(held_out, axis=0, prepend=0)  # neighbours are alike: small when compressed
        kept[f"counts_{seed}"] = np.array([int(row[3]) for row in counts], np.int16).reshape(len(names), -1)
    kept |= {"responses": responses, "data": data["pi_D"], "prompts": prompts, "samples": int(counts[0][2])}
    whole = io.BytesIO()
    np.savez_compressed(whole, **kept)
    part = Path(path).with_suffix(".part")
    part.write_bytes(whole.getvalue())
    os.replace(part, path)


def kept(path):
    """The `Scores` of each seed, in order, that `keep` wrote."""
    with np.load(path) as read:
        shared = {key: read[key].tolist() for key in ("responses", "prompts", "samples")}
        seed = 0
        while f"measures_{seed}" in read:
            yield Scores(
                data=read["data"],
                held_out=read[f"held_out_{seed}"].cumsum(axis=0) / UNIT,
                counts=read[f"counts_{seed}"],
                measures=json.loads(str(read[f"measures_{seed}"])),
                **shared,
            )
            seed += 1


def read_log_probs(path):
    """Ids of the responses, and log-probabilities of each model in their order."""
    ids, models = {}, {}
    with open(path, encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            ids[row["id"]] = None
            models.setdefault(row["model"], []).append(row["logProb"])
    return list(ids), {name: np.array(values) for name, values in models.items()}
