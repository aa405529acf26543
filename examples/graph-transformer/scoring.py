"""Log-probabilities of responses, samples and exact measures."""

import copy
import math
import os
from pathlib import Path

import numpy as np
import torch


@torch.no_grad()
def log_probs(model, sequences, device, batch=None, dtype=torch.float32):
    """log pi(response | prompt) of each row, float64 [n]: logits in `dtype`, their log-softmax and sum in float64."""
    model.eval()
    sums, batch = [], batch or (64 if device == "cpu" else 512)
    for first in range(0, len(sequences), batch):
        rows = sequences.at(slice(first, first + batch)).to(device)
        with torch.autocast(device, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            logits = model(rows.tokens, rows.positions() - 1)
        each = logits.double().log_softmax(-1).gather(2, rows.responses()[..., None])
        sums.append(each.sum((1, 2)).cpu())
    return torch.cat(sums).numpy()


def noise(model, sequences, device):
    """How far the log-probabilities of the same responses move with precision, batch and order: greatest and mean
    difference in nats from float64."""
    few = sequences.at(slice(0, 256))
    exact = log_probs(copy.deepcopy(model).double(), few, device, dtype=torch.float64)
    order = torch.randperm(len(few), generator=torch.Generator().manual_seed(0))
    found = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        ways = {
            "batch 256": log_probs(model, few, device, 256, dtype),
            "batch 1": log_probs(model, few, device, 1, dtype),
            "batch 100, another order": log_probs(model, few.at(order), device, 100, dtype)[order.argsort().numpy()],
        }
        for way, values in ways.items():
            for against, other in (("float64", exact), ("batch 256", ways["batch 256"])):
                apart = np.abs(values - other)
                found[f"{name}, {way}, against {against}"] = {"most": float(apart.max()), "mean": float(apart.mean())}
    return found


def right(model, sequences, device, samples, seed, batch=None):
    """How many of `samples` responses of the model to each prompt are the one drawn from pi_D: int [n]."""
    model.eval()
    generator = torch.Generator(device).manual_seed(seed)
    counts, batch = [], batch or (8 if device == "cpu" else 64)
    for first in range(0, len(sequences), batch):
        rows = sequences.at(slice(first, first + batch)).to(device)
        drawn = model.sample(rows.tokens, rows.start, rows.horizon, samples, generator)
        counts.append((drawn == rows.responses()[:, None]).all(2).sum(1).cpu())
    return torch.cat(counts).numpy()


def measures(logp, data, classes, weights, budgets, passes):
    """KL, Cov_N and Pass@N of the rows of the validation set, every path of pi_D a row: each class is averaged by its
    paths' probabilities, then the classes by `weights`. `logp`: the model's; `data`: log pi_D."""
    weights = np.asarray(weights) / sum(weights)
    found = {"kl": 0.0, "cov": np.zeros(len(budgets)), "pass": np.zeros(len(passes)), "likely": []}
    for of, weight in enumerate(weights):
        here = classes == of
        mass = np.exp(data[here])
        mass /= max(mass.sum(), 1e-300)
        probability = np.exp(logp[here])
        found["likely"].append(float((mass * probability).sum()) if mass.any() else None)
        if weight == 0:
            continue
        ratio = data[here] - logp[here]
        found["kl"] += weight * float((mass * ratio).sum())
        found["cov"] += [weight * float(mass[ratio >= math.log(n)].sum()) for n in budgets]
        miss = np.log1p(-np.minimum(probability, 1 - 1e-16))
        found["pass"] += [weight * float(-(mass * np.expm1(n * miss)).sum()) for n in passes]
    return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in found.items()}


def write_whole(path, text):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
