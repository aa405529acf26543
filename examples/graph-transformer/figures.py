"""The paper's figures on a transformer: `python figures.py figure-1 --device cpu --out runs/figure-1`."""

import argparse
import json
import shlex
import subprocess
from pathlib import Path

import torch

import gpt2
from figure_1 import BUDGETS, PASSES, SETTINGS, Run, export
from graph_task import read_records, sequences
from handing import hand_over, keep, kept
from plots import plot
from scoring import noise
from tables import summary
from training import say


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    shared.add_argument("--threads", type=int, help="threads of PyTorch on the CPU")
    figure = commands.add_parser(
        "figure-1", parents=[shared], help="KL, Cov_N and Pass@N along fine-tuning; who picks what"
    )
    figure.add_argument("--setting", choices=SETTINGS, help="sizes (default: gpu or cpu, by the device)")
    figure.add_argument("--out", type=Path, default=Path("runs/figure-1"), help="all files; called again, it goes on")
    figure.add_argument("--seeds", type=int, default=4, help="runs of fine-tuning from the one pre-trained model")
    figure.add_argument("--pre-trained", type=Path, help="folder of a checkpoint to fine-tune (default: pre-train)")
    again = commands.add_parser("again", help="files, tables and plots anew from what is kept of a run")
    again.add_argument("kept", type=Path, help="figure-1.npz of a run")
    again.add_argument("--out", type=Path, default=Path("runs/again"), help="all files")
    for command in (figure, again):
        command.add_argument("--cli", default="npx coverage-principle", help="how to call coverage-principle")
    scored = commands.add_parser(
        "noise", parents=[shared], help="what precision, batch and order do to log-probabilities"
    )
    scored.add_argument("checkpoint", type=Path, help="folder of a checkpoint")
    scored.add_argument("responses", type=Path, help="export of graph-task, of the figure-1 task")
    options = parser.parse_args()
    if options.command == "again":
        return again_from(options.kept, options.out, shlex.split(options.cli))
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.command == "noise":
        rows = sequences(read_records(options.responses), "figure-1")
        print(json.dumps(noise(gpt2.load(options.checkpoint, options.device), rows, options.device), indent=2))
    else:
        figure_1(options)


def figure_1(options):
    cli = shlex.split(options.cli)
    setting = SETTINGS[options.setting or {"cpu": "cpu", "cuda": "gpu"}[options.device]]
    export(setting, options.out / "data", cli)
    run = Run(setting, options.out / "data", options.out, options.device)
    begin = (lambda: gpt2.load(options.pre_trained, options.device)) if options.pre_trained else run.pre_train
    begin()
    for seed in range(options.seeds):
        folder = options.out / f"seed-{seed}"
        if not (folder / "measures.json").exists():
            run.fine_tune(begin(), seed)
        choose(cli, folder)
    keep(options.out, options.seeds, options.out / "figure-1.npz")
    show(options.out, options.seeds)


def again_from(path, out, cli):
    seeds = 0
    for scores in kept(path):
        hand_over(out / f"seed-{seeds}", scores)
        choose(cli, out / f"seed-{seeds}")
        seeds += 1
    show(out, seeds)


def show(out, seeds):
    plot(out / "figure-1.svg", summary(out, seeds))
    say((out / "picks.csv").read_text())
    say((out / "claims.csv").read_text())


def choose(cli, folder):
    """What the tournament and the losses pick, by `select`; the profiles and Pass@k of all checkpoints."""
    log_probs, data = str(folder / "log-probs.jsonl"), str(folder / "pi-D.jsonl")
    best_of, ratios = ",".join(map(str, PASSES[1:])), ",".join(map(str, BUDGETS))
    call(cli, folder / "select.json", "select", log_probs, data, "--reference", "pi_D", "--best-of", best_of)
    call(cli, folder / "profile.json", "profile", log_probs, data, "--reference", "pi_D", "-N", ratios)
    call(cli, folder / "pass-at-k.json", "pass-at-k", str(folder / "counts.csv"), "-k", f"1,{best_of}")


def call(cli, path, *arguments):
    done = subprocess.run([*cli, *arguments, "--json", "--quiet"], check=True, stdout=subprocess.PIPE)
    path.write_bytes(done.stdout)


if __name__ == "__main__":
    main()
