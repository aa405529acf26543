"""Where training starts: as GPT-2 does, or with heads that look at the token before and at what followed the same one.

To follow an edge `u v` from u takes two heads in a row (an induction head, Olsson et al., arXiv:2209.11895): one that
tells v which token stands before it, and one that looks for the places that were told u. Neither is of use without the
other, so that a network which starts with neither finds them late, if at all. All weights are trained from there on.
"""

import math

import torch
from torch import nn

STARTS = ("gpt2", "previous", "induction")
TOKEN, POSITION, NOISE = 0.15, 0.1, 0.05  # sizes of embeddings, and of what the other sublayers add to them
BEFORE, SAME, COPY = 16.0, 20.0, 4.0  # attention logits of the heads where they look, and how much the second copies


@torch.no_grad()
def start(model, kind="induction"):
    """Draws the weights of `model`: `gpt2` (all of standard deviation 0.02); `previous` (the first head of the first
    block looks at the token before); `induction` (and that of the second at what followed the same token)."""
    if kind not in STARTS:
        raise ValueError(f"A start is one of {', '.join(STARTS)}, not {kind}.")
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif parameter.dim() == 2 and (kind == "gpt2" or not name.startswith("h.")):
            nn.init.normal_(parameter, std=0.02)
        elif parameter.dim() == 2:
            into_residual = name.endswith(("attention_out.weight", "mlp_out.weight"))
            nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5 * (NOISE if into_residual else 1))
    if kind != "gpt2":
        _heads(model, kind == "induction" and len(model.h) > 1)


def _heads(model, both):
    """A part of the width is for positions, one for the token, one for the token before."""
    width, of_head = model.size.width, model.size.width // model.size.heads
    half = min(width // 4, of_head) // 2
    part = (width - 2 * half) // 2
    place, token = slice(0, 2 * half), slice(2 * half, 2 * half + part)
    before = slice(token.stop, token.stop + part)
    turns = 2 / 3 * math.pi * torch.exp(-math.log(100) * torch.arange(half) / half)  # periods from 3 to 300 tokens
    angles = torch.arange(model.size.positions)[:, None] * turns
    device = model.wte.weight.device
    model.wpe.weight.zero_()
    model.wpe.weight[:, place] = POSITION * torch.cat([angles.sin(), angles.cos()], 1).to(device)
    model.wte.weight.zero_()
    model.wte.weight[:, token] = TOKEN * torch.randn(model.size.vocabulary, part).to(device)
    model.ln_f.weight.fill_(min(1, 96 / width))  # logits no larger in a wide network than in a narrow one
    scale = (model.wte.weight.square().mean() + model.wpe.weight.square().mean()).sqrt()  # what ln_1 divides by

    # Turned back by one token, a position's sinusoids are those of the position before.
    back = torch.zeros(2 * half, 2 * half)
    at = torch.arange(half)
    back[at, at] = back[at + half, at + half] = turns.cos()
    back[at, at + half], back[at + half, at] = -turns.sin(), turns.sin()
    rows = min(of_head, part)
    some = torch.zeros(of_head, part)  # orthonormal rows: what a head sees of a token
    some[:rows] = torch.linalg.qr(torch.randn(part, part))[0][:rows]
    back, some = back.to(device), some.to(device)

    query, key, value, out = _head(model.h[0], of_head)
    gain = math.sqrt(BEFORE * of_head**0.5 / half)
    query[: 2 * half, place] = gain * scale / POSITION * back
    key[: 2 * half, place] = gain * scale / POSITION * torch.eye(2 * half, device=device)
    value[:, token] = some
    out[before] = scale * some.T
    if both:
        query, key, value, out = _head(model.h[1], of_head)
        gain = math.sqrt(SAME * of_head**0.5 / rows)
        query[:, token] = gain * scale / TOKEN * some
        key[:, before] = gain * scale / TOKEN * some
        value[:, token] = some
        out[token] = COPY * scale * some.T


def _head(block, of_head):
    """Weights of the first head of `block`, all 0 now."""
    query, key, value = block.c_attn.weight.view(3, block.heads, of_head, -1)[:, 0]
    out = block.attention_out.weight[:, :of_head]
    for weights in (query, key, value, out):
        weights.zero_()
    return query, key, value, out
