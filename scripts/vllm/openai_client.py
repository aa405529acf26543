"""The same rows by the OpenAI client, with token ids from Transformers: nothing here knows of coverage-principle.

openai_client.py sums URL MODEL FOLDER ROWS          sums of each row, asked one by one and sixteen a request
openai_client.py loop URL MODEL FOLDER ROWS AT_ONCE BATCH   responses a second of the simplest loop
openai_client.py greedy URL MODEL FOLDER ROWS TOKENS the text at temperature 0 that each prompt is responded to with

FOLDER is the checkpoint's, ROWS a JSON Lines file. Prints JSON.
"""
import json
import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from openai import OpenAI

what, url, model, folder, path = sys.argv[1:6]
client = OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=300)
with open(path) as file:
    rows = [json.loads(line) for line in file]


def plain(text):
    """Token ids of a text."""
    return tokenizer(text, add_special_tokens=False).input_ids


def ids_of(row):
    """Token ids of prompt and response."""
    if "promptTokens" in row:
        return row["promptTokens"], row["responseTokens"]
    if "messages" in row:
        rendered = tokenizer.apply_chat_template(row["messages"], add_generation_prompt=True, tokenize=False)
        return plain(rendered), plain(row["response"])
    prompt = plain(row["prompt"])
    return prompt, plain(row["prompt"] + row["response"])[len(prompt):]


def sums(batch):
    """Sums of the rows in one request."""
    ids = [prompt + response for prompt, response in batch]
    extra = {"prompt_logprobs": 0}
    answer = client.completions.create(model=model, prompt=ids, max_tokens=1, temperature=0, extra_body=extra)
    found = []
    for (prompt, response), choice in zip(batch, answer.choices, strict=True):
        entries = choice.model_extra["prompt_logprobs"][len(prompt):]
        found.append(math.fsum(entry[str(token)]["logprob"] for token, entry in zip(response, entries, strict=True)))
    return found


def batches(size):
    items = [ids_of(row) for row in rows]
    return [items[start:start + size] for start in range(0, len(items), size)]


def greedy(row, tokens):
    """The response to a prompt at temperature 0."""
    asked = {"model": model, "max_tokens": tokens, "temperature": 0}
    if "messages" in row:
        return client.chat.completions.create(messages=row["messages"], **asked).choices[0].message.content
    return client.completions.create(prompt=row.get("promptTokens") or row["prompt"], **asked).choices[0].text


if what == "sums":
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    one = [value for batch in batches(1) for value in sums(batch)]
    many = [value for batch in batches(16) for value in sums(batch)]
    print(json.dumps({"ids": [ids_of(row) for row in rows], "one": one, "many": many}))
elif what == "greedy":
    print(json.dumps([greedy(row, int(sys.argv[6])) for row in rows]))
else:
    at_once, size = int(sys.argv[6]), int(sys.argv[7])
    work = batches(size)
    sums(work[0])
    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        found = [value for values in pool.map(sums, work) for value in values]
    print(json.dumps({"rate": len(found) / (time.perf_counter() - began)}))
