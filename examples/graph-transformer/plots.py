"""Figure 1 of a run as an SVG."""

import io

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from figure_1 import BUDGETS, PASSES
from scoring import write_whole
from tables import cov, kl_of, pass_at

TITLE = "KL, Cov_N and Pass@K along fine-tuning; Pass@K against Cov_N and against KL, with the picks marked"
COLOURS = ("#332288", "#88ccee", "#117733", "#ddcc77", "#cc6677")
MARKS = {
    "tournament": ("*", "#cc6677", 90),
    "recommended": ("D", "#aa4499", 25),
    "cross_entropy": ("s", "#ddcc77", 30),
    "kl": ("o", "#117733", 30),
}
NAMES = {
    "tournament": "tournament's winner",
    "recommended": "recommended for K",
    "cross_entropy": "least cross-entropy",
    "kl": "least KL",
}


def plot(path, runs):
    """KL, Cov_N and Pass@K along fine-tuning, a line a seed; Pass@K against Cov_{K/2} and against KL, a point a
    checkpoint, with the picks of each seed marked."""
    with plt.rc_context({"svg.hashsalt": "figure-1", "font.size": 8, "axes.grid": True}):
        figure, axes = plt.subplots(3, 3, figsize=(10, 9), constrained_layout=True)
        along = {
            "KL, nats": [("KL", kl_of)],
            "Cov_N": [(f"N = {n}", lambda found, n=n: cov(found, n)) for n in BUDGETS[:-1]],
            "Pass@K": [(f"K = {k}", lambda found, k=k: pass_at(found, k)) for k in PASSES[1:]],
        }
        for panel, (label, lines) in zip(axes[0], along.items(), strict=True):
            for (name, of), colour in zip(lines, COLOURS, strict=False):
                for seed, (found, _) in enumerate(runs):
                    steps = [at["step"] for at in found]
                    panel.plot(steps, of(found), color=colour, lw=0.8, label=None if seed else name)
            panel.set(xscale="symlog", xlabel="step of fine-tuning", ylabel=label)
            if len(lines) > 1:
                panel.legend(loc="upper right" if label == "Cov_N" else "best", fontsize=7)
        axes[0][1].set_yscale("symlog", linthresh=0.2)
        for column, k in enumerate(PASSES[1:]):
            for line, (label, cost) in enumerate(
                ((f"Cov_{k // 2}", lambda found, k=k: cov(found, k // 2)), ("KL, nats", kl_of)), 1
            ):
                panel = axes[line][column]
                for found, _ in runs:
                    panel.scatter(cost(found), pass_at(found, k), s=8, color="#88ccee", zorder=2)
                for name, (mark, colour, size) in MARKS.items():
                    for seed, (found, picks) in enumerate(runs):
                        at = picks[column]["of"][name]
                        here = (cost(found)[at], pass_at(found, k)[at])
                        shown = None if seed else NAMES[name]
                        panel.scatter(
                            *here, s=size, marker=mark, color=colour, edgecolor="k", lw=0.5, zorder=3, label=shown
                        )
                panel.set(xlabel=label, ylabel=f"Pass@{k}")
        axes[1][0].legend()
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
        plt.close(figure)
    head, tag, rest = text.getvalue().partition("<svg ")
    attributes, end, rest = rest.partition(">")
    write_whole(path, f"{head}{tag}{attributes}{end}\n <title>{TITLE}</title>{rest}")
