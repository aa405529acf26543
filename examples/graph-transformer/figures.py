"""The paper's figures on a transformer: `python figures.py figure-1 --device cpu --out runs/figure-1`."""

import argparse
import json
import shlex
import subprocess
from pathlib import Path

import torch

import gpt2
from figure_1 import BUDGETS, PASSES, SETTINGS, Run, export, name_of
from graph_task import read_records, sequences
from scoring import noise, write_whole
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
    summary(options.out, options.seeds)


def choose(cli, folder):
    """What the tournament and the losses pick, by `select`; the profiles and Pass@k of all checkpoints."""
    log_probs, data = str(folder / "log-probs.jsonl"), str(folder / "pi-D.jsonl")
    best_of, ratios = ",".join(map(str, PASSES[1:])), ",".join(map(str, BUDGETS))
    call(cli, folder / "select.json", "select", log_probs, data, "--reference", "pi_D", "--best-of", best_of)
    call(cli, folder / "profile.json", "profile", log_probs, data, "--reference", "pi_D", "-N", ratios)
    call(cli, folder / "pass-at-k.json", "pass-at-k", str(folder / "counts.csv"), "-k", f"1,{best_of}")


def summary(out, seeds):
    """`figure-1.csv`, the figure's points: a checkpoint of a seed each; `picks.csv`: the checkpoint that the tournament
    picks for each K, that of the least cross-entropy and that of the least KL, with the exact Pass@K of each."""
    points, picks = [], []
    for seed in range(seeds):
        folder = out / f"seed-{seed}"
        found = json.loads((folder / "measures.json").read_text())
        points += [[seed, at["step"], at["kl"], *at["cov"], *at["pass"]] for at in found]
        chosen = json.loads((folder / "select.json").read_text())
        least_kl = name_of(min(found, key=lambda at: at["kl"])["step"])
        for held in chosen["tournaments"]:
            row = [seed, held["bestOf"], held["N"], held["verdict"]]
            for name in (held["winner"], chosen["crossEntropy"]["winner"], least_kl):
                (at,) = (at for at in found if name_of(at["step"]) == name)
                row += [at["step"], at["pass"][PASSES.index(held["bestOf"])]]
            picks.append(row)
    head = ["seed", "step", "kl", *(f"cov_{n}" for n in BUDGETS), *(f"pass_{k}" for k in PASSES)]
    write_table(out / "figure-1.csv", head, points)
    by = [f"{of}_{what}" for of in ("tournament", "cross_entropy", "kl") for what in ("step", "pass")]
    write_table(out / "picks.csv", ["seed", "best_of", "N", "verdict", *by], picks)
    say((out / "picks.csv").read_text())


def write_table(path, head, rows):
    write_whole(path, "".join(",".join(map(str, row)) + "\n" for row in [head, *rows]))


def call(cli, path, *arguments):
    done = subprocess.run([*cli, *arguments, "--json", "--quiet"], check=True, stdout=subprocess.PIPE)
    path.write_bytes(done.stdout)


if __name__ == "__main__":
    main()
