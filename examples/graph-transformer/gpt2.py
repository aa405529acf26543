"""GPT-2 in plain PyTorch: absolute positions, GeLU, tied embeddings; its checkpoints are those of Hugging Face."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class Size:
    vocabulary: int
    positions: int
    layers: int = 6
    heads: int = 4
    width: int = 384


class Block(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.heads = size.heads
        self.ln_1 = nn.LayerNorm(size.width)
        self.c_attn = nn.Linear(size.width, 3 * size.width)
        self.attention_out = nn.Linear(size.width, size.width)
        self.ln_2 = nn.LayerNorm(size.width)
        self.c_fc = nn.Linear(size.width, 4 * size.width)
        self.mlp_out = nn.Linear(4 * size.width, size.width)

    def forward(self, x, kept=None, at=None):
        """All tokens from the first on; or, with `kept` keys and values [2, n, heads, T, d], one token a row, at
        position `at` [n, 1]. Returns keys and values, too, if there is an `at`."""
        parts = self.c_attn(self.ln_1(x)).view(*x.shape[:2], 3, self.heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        if kept is None:
            kept = torch.stack([key, value]) if at is not None else None
            attended = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            here = at[None, :, None, :, None].expand(2, -1, self.heads, -1, key.shape[-1])
            kept = kept.scatter(3, here, torch.stack([key, value]))
            seen = torch.arange(kept.shape[3], device=at.device) <= at[:, None, :]
            attended = functional.scaled_dot_product_attention(query, *kept, attn_mask=seen[:, None])
        x = x + self.attention_out(attended.transpose(1, 2).flatten(2))
        return x + self.mlp_out(functional.gelu(self.c_fc(self.ln_2(x)), approximate="tanh")), kept


class GPT2(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size
        self.wte = nn.Embedding(size.vocabulary, size.width)
        self.wpe = nn.Embedding(size.positions, size.width)
        self.h = nn.ModuleList(Block(size) for _ in range(size.layers))
        self.ln_f = nn.LayerNorm(size.width)

    def forward(self, tokens, positions):
        """Logits of the token after each of `positions` [n, h]: [n, h, vocabulary]."""
        x = self.wte(tokens) + self.wpe.weight[: tokens.shape[1]]
        for block in self.h:
            x, _ = block(x)
        x = x.gather(1, positions[..., None].expand(-1, -1, x.shape[2]))
        return functional.linear(self.ln_f(x), self.wte.weight)

    @torch.no_grad()
    def sample(self, tokens, start, count, samples, generator):
        """`samples` responses of `count` tokens to each prompt [n, T], which ends before `start` [n]:
        [n, samples, count]. Keys and values of a prompt are worked out once."""
        n, at = len(tokens), (start - 1)[:, None]
        room = functional.pad(tokens, (0, max(0, int(start.max()) + count - tokens.shape[1])))
        x = self.wte(room) + self.wpe.weight[: room.shape[1]]
        kept = []
        for block in self.h:
            x, pair = block(x, at=at)
            kept.append(pair.repeat_interleave(samples, dim=1))
        x = x.gather(1, at[..., None].expand(-1, -1, x.shape[2])).repeat_interleave(samples, dim=0)
        at = at.repeat_interleave(samples, dim=0)
        drawn = []
        while True:
            logits = functional.linear(self.ln_f(x), self.wte.weight)[:, 0]
            drawn.append(torch.multinomial(logits.float().softmax(-1), 1, generator=generator))
            if len(drawn) == count:
                return torch.cat(drawn, 1).view(n, samples, count)
            at = at + 1
            x = self.wte(drawn[-1]) + self.wpe(at)
            for index, block in enumerate(self.h):
                x, kept[index] = block(x, kept[index], at)


# Our names of parameters and those of Hugging Face, whose projections are stored transposed.
NAMES = {
    "c_attn": "attn.c_attn",
    "attention_out": "attn.c_proj",
    "c_fc": "mlp.c_fc",
    "mlp_out": "mlp.c_proj",
}


def _their_name(name):
    for ours, theirs in NAMES.items():
        name = name.replace(f".{ours}.", f".{theirs}.")
    return f"transformer.{name}"


def _transposed(name):
    return name.endswith(".weight") and any(f".{ours}." in name for ours in NAMES)


def save(model, folder):
    """Writes `folder` so that `transformers` (GPT2LMHeadModel) and vLLM can read it."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    size = model.size
    tensors = {
        _their_name(name): (value.T if _transposed(name) else value).float().cpu().contiguous()
        for name, value in model.state_dict().items()
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": size.vocabulary,
        "n_positions": size.positions,
        "n_embd": size.width,
        "n_layer": size.layers,
        "n_head": size.heads,
        "activation_function": "gelu_new",
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
        "bos_token_id": None,
        "eos_token_id": None,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "size": asdict(size),
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def load(folder, device="cpu"):
    folder = Path(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    model = GPT2(Size(**config["size"]))
    theirs = load_file(folder / "model.safetensors")
    state = {}
    for name in model.state_dict():
        value = theirs[_their_name(name)]
        state[name] = value.T.contiguous() if _transposed(name) else value
    model.load_state_dict(state)
    return model.to(device)
