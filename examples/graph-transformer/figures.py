"""The paper's figures on a transformer: `python figures.py figure-1 --device cpu --out runs/figure-1`."""

import argparse
import json
import shlex
import subprocess
from pathlib import Path

import torch

import gpt2
from figure_1 import SETTINGS, Run, export
from graph_task import read_records, sequences
from scoring import noise
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
    figure.add_argument("--cli", default="npx coverage-principle", help="how to call coverage-principle")
    scored = commands.add_parser(
        "noise", parents=[shared], help="what precision, batch and order do to log-probabilities"
    )
    scored.add_argument("checkpoint", type=Path, help="folder of a checkpoint")
    scored.add_argument("responses", type=Path, help="export of graph-task, of the figure-1 task")
    options = parser.parse_args()
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
    run.pre_train()
    for seed in range(options.seeds):
        folder = options.out / f"seed-{seed}"
        if not (folder / "measures.json").exists():
            run.fine_tune(run.pre_train(), seed)
        choose(cli, folder)


def choose(cli, folder):
    """What the tournament and the losses pick, by `select`; the profiles and Pass@k of all checkpoints."""
    log_probs, data = str(folder / "log-probs.jsonl"), str(folder / "pi-D.jsonl")
    call(cli, folder / "select.json", "select", log_probs, data, "--reference", "pi_D", "-N", "1.59,2.52,3.3")
    call(cli, folder / "profile.json", "profile", log_probs, data, "--reference", "pi_D", "-N", "2,3,4,4.6,5.7")
    call(cli, folder / "pass-at-k.json", "pass-at-k", str(folder / "counts.csv"), "-k", "1,4,8,12")
    for held in json.loads((folder / "select.json").read_text())["tournaments"]:
        say(f"{folder.name}: at N = {held['N']} the tournament picks {held['winner']} ({held['verdict']})")


def call(cli, path, *arguments):
    done = subprocess.run([*cli, *arguments, "--json", "--quiet"], check=True, stdout=subprocess.PIPE)
    path.write_bytes(done.stdout)


if __name__ == "__main__":
    main()
