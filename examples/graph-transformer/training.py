"""Stages of training on fresh prompts: resumable, with the same result as without a break."""

import math
import os
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

SUPER_BATCH = 32  # batches whose prompts are drawn together


@dataclass(frozen=True)
class Stage:
    """A stage of training; `weights` are those of the three classes."""

    name: str
    weights: tuple
    steps: int
    rate: float
    batch: int = 128
    warmup: int = 0
    decay: float = 0.0  # the last share of the steps, over which the rate falls to 0
    weight_decay: float = 0.01
    seed: int = 0

    def rate_at(self, step):
        up = min(1.0, (step + 1) / (self.warmup + 1))
        left = (self.steps - step) / max(1.0, self.decay * self.steps)
        return self.rate * min(up, left, 1.0)


def say(*words):
    print(time.strftime("%H:%M:%S"), *words, file=sys.stderr, flush=True)


def save_whole(value, path):
    """A file that is there whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(value, path.with_suffix(".part"))
    os.replace(path.with_suffix(".part"), path)


def autocast(device):
    return torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda")


def response_loss(model, tokens, positions, responses):
    logits = model(tokens, positions)
    return functional.cross_entropy(logits.float().flatten(0, 1), responses.flatten())


def train(model, task, stage, device, state_path=None, checkpoints=(), on_checkpoint=None, compiled=None, seconds=30):
    """Trains `model` in place. `on_checkpoint(step)` is called after each step of `checkpoints` (0: before the first).
    Where it
    returns true, training ends there. Where `state_path` holds the state of an earlier call of the same stage, training
    goes on from it. `compiled`: the mode of torch.compile, if it is to be compiled."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=stage.rate, betas=(0.9, 0.99), weight_decay=stage.weight_decay, fused=device == "cuda"
    )
    step, done, told = 0, False, time.monotonic()
    if state_path and Path(state_path).exists():
        state = torch.load(state_path, map_location=device)
        if state["stage"] != asdict(stage):
            raise ValueError(
                f"{state_path} is of other settings, {state['stage']}: choose another folder, or delete it."
            )
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, done = state["step"], state["done"]
        say(f"{stage.name}: going on from step {step}")
    loss_of = torch.compile(response_loss, dynamic=False, mode=compiled) if compiled else response_loss
    losses, saved, began, first = [], time.monotonic(), time.monotonic(), step
    if step == 0 and 0 in checkpoints:
        done = bool(on_checkpoint(0))
    model.train()
    drawn = None
    while step < stage.steps and not done:
        if drawn is None or step % SUPER_BATCH == 0:
            (seed,) = np.random.SeedSequence((stage.seed, step // SUPER_BATCH)).generate_state(1)
            generator = torch.Generator(device).manual_seed(int(seed))
            drawn = task.fresh(SUPER_BATCH * stage.batch, stage.weights, generator, device)
        within = step % SUPER_BATCH * stage.batch
        batch = drawn.at(slice(within, within + stage.batch))
        for group in optimizer.param_groups:
            group["lr"] = stage.rate_at(step)
        torch.compiler.cudagraph_mark_step_begin()
        with autocast(device):
            loss = loss_of(model, batch.tokens, batch.positions() - 1, batch.responses())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.detach().clone())  # the next step may write where the loss stands
        step += 1
        if step in checkpoints:
            done = bool(on_checkpoint(step))
            model.train()
        now, done = time.monotonic(), done or step == stage.steps
        if now - told >= 10 or done:
            mean = torch.stack(losses).mean().item()
            rate = (step - first) / max(now - began, 1e-9)
            say(f"{stage.name}: step {step} of {stage.steps}, {mean:.4f} nats a token, {rate:.1f} steps/s")
            if not math.isfinite(mean):
                raise ValueError("The loss is no longer finite: choose a smaller rate.")
            losses, told = [], now
        if state_path and (now - saved >= seconds or done):
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "done": done}
            save_whole({**state, "stage": asdict(stage)}, state_path)
            saved = now
    return model


def steps_per_second(model, task, stage, device, compiled, steps=64):
    """How fast `stage` trains; the model's parameters are left as they were."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    train(model, task, replace(stage, name="warming up", steps=16), device, compiled=compiled)
    began = time.monotonic()
    train(model, task, replace(stage, name="timing", steps=steps), device, compiled=compiled)
    model.load_state_dict(before)
    return steps / (time.monotonic() - began)
