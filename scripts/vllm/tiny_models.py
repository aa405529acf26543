"""Writes tiny Llama checkpoints and one small tokenizer, so that a real server has something to serve without a GPU.

tiny_models.py FOLDER TEXT NAME…: FOLDER/NAME for each name. The tokenizer is trained on the file TEXT. Weights are random and go
from one draw to another along the names, so that neighbours are alike as checkpoints of one run are.
"""
import pathlib
import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"

folder, text, names = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
bpe = Tokenizer(models.BPE())
bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
alphabet = pre_tokenizers.ByteLevel.alphabet()
bpe.train([text], trainers.BpeTrainer(vocab_size=600, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False))
tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<s>", eos_token="</s>", pad_token="</s>", chat_template=TEMPLATE)

# A head width of 32 is the least that vLLM computes on a CPU.
config = LlamaConfig(vocab_size=len(tokenizer), hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=2,
                     num_key_value_heads=2, max_position_embeddings=2048, bos_token_id=0, eos_token_id=1, initializer_range=0.1)


def drawn(seed):
    torch.manual_seed(seed)
    return LlamaForCausalLM(config).to(torch.float32)


first, last = drawn(0), drawn(1)
for index, name in enumerate(names):
    share = index / max(1, len(names) - 1)
    model = drawn(0)
    with torch.no_grad():
        for weights, a, b in zip(model.parameters(), first.parameters(), last.parameters()):
            weights.copy_((1 - share) * a + share * b)
    model.save_pretrained(folder / name)
    tokenizer.save_pretrained(folder / name)
