"""Figure 1 on a transformer: pre-training on three equal classes, then fine-tuning on 0.9 and 0.1 of the first two."""

import json
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

import gpt2
from graph_task import GraphTask, read_records, sequences
from handing import Scores, hand_over, name_of
from scoring import log_probs, measures, right, write_whole
from start import start
from training import Stage, say, train

PRE_TRAINING = (1.0, 1.0, 1.0)
FINE_TUNING = (0.9, 0.1, 0.0)
BUDGETS = (2, 3, 4, 4.6, 5.7, 6)
PASSES = (1, 4, 8, 12)
VALIDATION = 1024  # prompts of each class that graph-task has, class by class


@dataclass(frozen=True)
class Setting:
    """Sizes of the model, the graph and the stages. The first is the paper's."""

    model: tuple = (6, 4, 384)  # layers, heads, width
    start: str = "gpt2"
    layers: int = 8
    names: int = 64
    pre_training: Stage = Stage("pre-training", PRE_TRAINING, 200_000, 1e-4, 128, warmup=500)
    fine_tuning: Stage = Stage("fine-tuning", FINE_TUNING, 50_000, 5e-6, 128)
    checkpoints: int = 24
    validation: int = 1024
    held_out: int = 4096
    samples: int = 32


SETTINGS = {
    "paper": Setting(),
    "gpu": Setting(
        start="induction",
        pre_training=Stage("pre-training", PRE_TRAINING, 14_000, 1e-3, 256, warmup=100, decay=0.45),
        fine_tuning=Stage("fine-tuning", FINE_TUNING, 760, 7.2e-5, 256, warmup=20),
    ),
    "cpu": Setting(
        model=(3, 2, 64),
        start="induction",
        layers=2,
        names=26,
        pre_training=Stage("pre-training", PRE_TRAINING, 6_000, 3e-3, 64, warmup=100, decay=0.5),
        fine_tuning=Stage("fine-tuning", FINE_TUNING, 400, 4e-4, 32),
        checkpoints=16,
        validation=512,
        held_out=2048,
        samples=16,
    ),
    "smoke": Setting(
        model=(2, 2, 16),
        start="induction",
        layers=2,
        names=26,
        pre_training=Stage("pre-training", PRE_TRAINING, 24, 1e-3, 8, warmup=2),
        fine_tuning=Stage("fine-tuning", FINE_TUNING, 12, 1e-3, 8),
        checkpoints=4,
        validation=64,
        held_out=64,
        samples=8,
    ),
}


def export(setting, folder, cli):
    """Validation prompts and held-out responses, by `graph-task`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = ",".join(str(weight) for weight in FINE_TUNING)
    for name, count in (("validation", 3 * VALIDATION), ("train", setting.held_out)):
        path = folder / f"{name}.jsonl"
        if not path.exists():
            task = ["--layers", str(setting.layers), "--names", str(setting.names), "--weights", weights]
            which = ["--set", name, "--count", str(count), "--output", str(path)]
            subprocess.run([*cli, "graph-task", *task, *which], check=True)


class Run:
    """One pre-trained model, and what is fine-tuned from it."""

    def __init__(self, setting, data, out, device, compiled=None, keep=True):
        self.setting, self.out, self.device, self.keep = setting, Path(out), device, keep
        self.compiled = ("reduce-overhead" if device == "cuda" else None) if compiled is None else compiled
        validation = read_records(Path(data) / "validation.jsonl")
        self.task = GraphTask("figure-1", validation)
        if (self.task.layers, self.task.names) != (setting.layers, setting.names):
            raise ValueError(f"{data} holds prompts of another graph: export them again, or choose another folder.")
        few = [record for of in range(3) for record in validation[of * VALIDATION :][: setting.validation]]
        self.validation = sequences(few, "figure-1", "each")
        self.held_out = sequences(read_records(Path(data) / "train.jsonl"), "figure-1")

    def model(self):
        torch.manual_seed(self.setting.pre_training.seed)
        layers, heads, width = self.setting.model
        size = gpt2.Size(self.task.vocabulary, self.task.length, layers, heads, width)
        model = gpt2.GPT2(size)
        start(model, self.setting.start)
        return model.to(self.device)

    def measure(self, model, weights):
        """Measures on the validation set, and log-probabilities of its paths, of classes that have a weight."""
        rows = self.validation
        rows = rows.at(torch.tensor(weights)[rows.classes] > 0)
        logp = log_probs(model, rows, self.device)
        data, classes = rows.log_prob.numpy(), rows.classes.numpy()
        return measures(logp, data, classes, weights, BUDGETS, PASSES), logp

    def pre_train(self, model=None):
        """The pre-trained model; from its folder, where it is there."""
        folder = self.out / "pre-trained"
        if (folder / "config.json").exists():
            return gpt2.load(folder, self.device)
        stage, model, trace = self.setting.pre_training, model or self.model(), []

        def tell(step):
            found, _ = self.measure(model, stage.weights)
            trace.append({"step": step, **found})
            say(f"pre-training: step {step}, KL {found['kl']:.4f} of at least {least_kl(stage.weights):.4f}")

        looks = {round(stage.steps * at / 16) for at in range(1, 17)}
        train(model, self.task, stage, self.device, self.out / "pre-training.pt", looks, tell, self.compiled)
        write_whole(self.out / "pre-training.json", json.dumps(trace) + "\n")
        part = folder.with_name("pre-trained.part")
        shutil.rmtree(part, ignore_errors=True)
        gpt2.save(model, part)
        part.rename(folder)
        return model

    def fine_tune(self, model, seed, stage=None):
        """Fine-tunes `model`, scores its checkpoints and writes the files of `out/seed-SEED`."""
        folder = self.out / f"seed-{seed}"
        stage = replace(stage or self.setting.fine_tuning, seed=1000 + seed)
        steps = geometric(stage.steps, self.setting.checkpoints)

        def score(step):
            found, logp = self.measure(model, stage.weights)
            held_out = log_probs(model, self.held_out, self.device)
            some = self.held_out.at(slice(0, 256))
            counts = right(model, some, self.device, self.setting.samples, seed)
            where = folder / "scores" / f"{name_of(step)}.npz"
            where.parent.mkdir(parents=True, exist_ok=True)
            more = {}
            if self.device == "cuda":  # the same in the precision of training, to see what scoring in it would change
                more["held_out_bf16"] = log_probs(model, self.held_out, self.device, dtype=torch.bfloat16)
            np.savez(where, validation=logp, held_out=held_out, counts=counts, **more)
            write_whole(where.with_suffix(".json"), json.dumps({"step": step, **found}) + "\n")
            if self.keep:
                gpt2.save(model, folder / "checkpoints" / name_of(step))
            likely = found["likely"]
            cov = " ".join(f"{value:.3f}" for value in found["cov"])
            say(f"seed {seed}, step {step}: KL {found['kl']:.4f}, Cov {cov}, G1 {likely[0]:.3f}, G2 {likely[1]:.3f}")

        train(model, self.task, stage, self.device, folder / "state.pt", steps, score, self.compiled)
        return self.hand_over(seed, steps)

    def hand_over(self, seed, steps):
        """The files of a seed for `select`, `profile` and `pass-at-k`; returns its measures, a checkpoint each."""
        folder = self.out / f"seed-{seed}"
        paths = [folder / "scores" / f"{name_of(step)}.npz" for step in steps]
        read = [np.load(path) for path in paths]
        found = [json.loads(path.with_suffix(".json").read_text()) for path in paths]
        some = self.held_out.at(slice(0, len(read[0]["counts"])))
        return hand_over(
            folder,
            Scores(
                responses=self.held_out.ids,
                data=self.held_out.log_prob.numpy(),
                held_out=np.stack([each["held_out"] for each in read]),
                prompts=some.ids,
                samples=self.setting.samples,
                counts=np.stack([each["counts"] for each in read]),
                measures=found,
            ),
        )


def geometric(steps, count):
    """0 and about `count` steps up to `steps`, each a factor apart."""
    return sorted({0, *(round(steps ** (at / (count - 1))) for at in range(count))})


def least_kl(weights):
    """KL of the calibrated learner that cannot tell the classes apart, where a layer pair has a choice."""
    one, two, three = np.array(weights) / sum(weights)
    match, opposite = one + three / 4, two + three / 4
    kl = -sum(w * np.log(q) for w, q in ((one, match), (two, opposite)) if w > 0)
    if three > 0:
        paths = np.array([match, opposite, three / 4, three / 4])
        kl += three * np.mean(np.log(0.25) - np.log(paths))
    return kl
