"""Heads start as they should; a break changes nothing; samples have the model's probabilities; checkpoints are those of
Hugging Face:
`python test_training.py EXPORT FIGURE`."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

import gpt2
from graph_task import GraphTask, Sequences, read_records, sequences
from scoring import log_probs
from start import STARTS, start
from training import Stage, train

STAGE = Stage("stage", (1.0, 1.0, 1.0), 40, 3e-3, 8, warmup=5, decay=0.5)


def small(task):
    torch.manual_seed(0)
    model = gpt2.GPT2(gpt2.Size(task.vocabulary, task.length, 2, 2, 16))
    start(model)
    return model


@torch.no_grad()
def heads_start_as_they_should(task, rows):
    """Along the responses, the first head of the first block looks at the token before, and that of the second at the
    tokens that followed the same token: with `previous` only the one, with `gpt2` neither."""
    at = rows.positions() - 1
    tokens = rows.tokens[:, : int(at.max()) + 1]
    earlier = torch.arange(tokens.shape[1]) <= at[..., None]
    followed = (tokens.roll(1, 1)[:, None, :] == tokens.gather(1, at)[..., None]) & earlier
    followed[..., 0] = False  # nothing stands before the first token
    where = [(torch.arange(tokens.shape[1]) == at[..., None] - 1), followed]
    counts = followed.any(2)
    looks = {}
    for kind in STARTS:
        torch.manual_seed(0)
        model = gpt2.GPT2(gpt2.Size(task.vocabulary, task.length, 3, 2, 64))
        start(model, kind)
        x, looks[kind] = model.wte(tokens) + model.wpe.weight[: tokens.shape[1]], []
        for block, there in zip(model.h, where, strict=False):
            query, key, _ = block.c_attn(block.ln_1(x)).view(*x.shape[:2], 3, block.heads, -1)[:, :, :, 0].unbind(2)
            query = query.gather(1, at[..., None].expand(-1, -1, query.shape[2]))
            logits = query @ key.transpose(1, 2) / query.shape[2] ** 0.5
            seen = torch.arange(tokens.shape[1]) <= at[..., None]
            attention = logits.masked_fill(~seen, -torch.inf).softmax(-1)
            looks[kind].append((attention * there).sum(2)[counts].mean().item())
            x, _ = block(x)
    (no_before, no_same), (before, none), (also_before, following) = (looks[kind] for kind in STARTS)
    assert min(before, also_before, following) > 0.8, looks
    assert max(no_before, no_same, none) < 0.3, looks
    try:
        start(model, "other")
    except ValueError:
        return
    raise AssertionError("an unknown start is refused")


def a_break_changes_nothing(task, folder):
    whole = train(small(task), task, STAGE, "cpu")

    class Broken(Exception):
        pass

    def stop(_step):
        raise Broken

    try:
        train(small(task), task, STAGE, "cpu", folder / "state.pt", {35}, stop, seconds=0)
    except Broken:
        pass
    again = train(small(task), task, STAGE, "cpu", folder / "state.pt")
    other = train(small(task), task, replace(STAGE, seed=1), "cpu")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert not torch.equal(whole.wte.weight, other.wte.weight), "seeds differ"
    try:
        train(small(task), task, replace(STAGE, rate=1.0), "cpu", folder / "state.pt")
    except ValueError:
        return whole
    raise AssertionError("the state of other settings is refused")


def samples_have_the_models_probabilities(model, rows):
    """The log-probability of samples, by a pass over the whole, is on average minus the entropy that the tokens'
    distributions have along the way; and a sampled first token is as frequent as it is probable."""
    prompt, count = rows.at(slice(0, 1)), 4000
    drawn = model.sample(prompt.tokens, prompt.start, rows.horizon, count, torch.Generator().manual_seed(0))[0]
    tokens = prompt.tokens.repeat(count, 1).scatter(1, prompt.positions().repeat(count, 1), drawn)
    several = Sequences(tokens, prompt.start.repeat(count), prompt.classes, prompt.log_prob, rows.horizon)
    with torch.no_grad():
        log = model(tokens, several.positions() - 1).double().log_softmax(-1)
    gap = log.gather(2, drawn[..., None])[..., 0] + (log.exp() * -log).sum(-1)  # of mean 0, token by token
    apart = (gap.mean(0) / gap.std(0) * count**0.5).abs().max().item()
    assert apart < 4.5, f"{apart:.1f} standard errors"
    chance = log[0, 0].exp()
    often = torch.bincount(drawn[:, 0], minlength=len(chance)) / count
    apart = ((often - chance) / (chance * (1 - chance) / count).sqrt()).abs().max().item()
    assert apart < 5.5, f"{apart:.1f} standard errors"


def checkpoints_are_those_of_hugging_face(model, rows, folder):
    gpt2.save(model, folder / "checkpoint")
    loaded = gpt2.load(folder / "checkpoint")
    assert (log_probs(loaded, rows, "cpu") == log_probs(model, rows, "cpu")).all()
    try:
        from transformers import GPT2LMHeadModel
    except ImportError:
        print("transformers is not installed: not compared with it")
        return
    theirs = GPT2LMHeadModel.from_pretrained(folder / "checkpoint").eval()
    with torch.no_grad():
        logits = theirs(rows.tokens).logits
        ours = model(rows.tokens, rows.positions() - 1)
    at = (rows.positions() - 1)[..., None].expand(-1, -1, logits.shape[2])
    torch.testing.assert_close(logits.gather(1, at), ours, rtol=1e-4, atol=1e-5)
    print("transformers gives the same logits")


def main(path, figure):
    records = read_records(path)
    task = GraphTask(figure, records)
    rows = sequences(records, figure).at(slice(0, 64))
    heads_start_as_they_should(task, rows)
    with tempfile.TemporaryDirectory() as folder:
        model = a_break_changes_nothing(task, Path(folder))
        for parameter in model.parameters():  # far from uniform
            parameter.data += 0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
        samples_have_the_models_probabilities(model, rows)
        checkpoints_are_those_of_hugging_face(model, rows, Path(folder))
    print("training goes on as if there had been no break; samples and checkpoints are right")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1], sys.argv[2])
