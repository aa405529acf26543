"""Asks others whether they see in mutants what was accepted: `compare.py DIR…`, where `reading_mutants --keep DIR` wrote.

Of a file whose header or keys are still those of `seeds.py`, every model's value of every response must be the one that
NumPy, safetensors, PyArrow, `csv` or `json` finds there, and no other may be there; of others, they must find the numbers
somewhere. Every column of Parquet and Arrow files must be theirs, value by value. A file that they refuse says nothing.
Needs numpy, pyarrow and safetensors.
"""

from __future__ import annotations

import bz2
import collections
import csv
import decimal
import gzip
import io
import json
import lzma
import math
import os
import struct
import sys
from pathlib import Path

import numpy as np

Values = dict[tuple[str, str], float]


class Unsure(Exception):
    """The file is no longer of a shape whose meaning is plain."""


def raw_bytes(path: Path) -> bytes:
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        return gzip.decompress(raw)
    if raw[:3] == b"BZh":
        return bz2.decompress(raw)
    if raw[:6] == b"\xfd7zXZ\x00":
        return lzma.decompress(raw)
    if raw[:4] == b"\x28\xb5\x2f\xfd":
        import pyarrow

        return pyarrow.CompressedInputStream(pyarrow.BufferReader(raw), "zstd").read()
    return raw


def kind_of(path: Path) -> str:
    suffixes = [suffix for suffix in path.suffixes if suffix not in (".gz", ".bz2", ".xz", ".zst", ".zip")]
    return suffixes[-1]


# Arrays: rows in order.


def arrays(path: Path) -> dict[str, np.ndarray]:
    kind = kind_of(path)
    if kind == ".safetensors":
        from safetensors.numpy import load

        return load(raw_bytes(path))
    if kind == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    return {"": np.load(io.BytesIO(raw_bytes(path)), allow_pickle=False)}


def rows_of_arrays(path: Path) -> list[list[float]]:
    found = []
    for array in arrays(path).values():
        if array.dtype.kind == "f":
            found += np.atleast_2d(array).astype(float).tolist()
    return found


# Tables and rows: by model and response.


def table(path: Path):
    import pyarrow as pa
    from pyarrow import parquet

    if path.name.endswith(".parquet"):
        # Its own checksums are compared, as ours are.
        return parquet.read_table(path, page_checksum_verification=True)
    with pa.memory_map(str(path)) as source:
        try:
            return pa.ipc.open_file(source).read_all()
        except pa.ArrowInvalid:
            return pa.ipc.open_stream(source).read_all()


def distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError("a key is there twice")
    return row


def load(text: str):
    return json.loads(text, object_pairs_hook=distinct)


def cells(path: Path) -> list[list[str]]:
    text = raw_bytes(path).decode("utf-8-sig")
    delimiter = "\t" if kind_of(path) == ".tsv" else ";" if ";" in text.split("\n")[0] else ","
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True))
    return [[cell.strip() for cell in line] for line in lines if line]


def rows(path: Path) -> list[dict[str, object]]:
    kind = kind_of(path)
    if kind in (".csv", ".tsv"):
        header, *lines = cells(path)
        if any(len(line) != len(header) for line in lines) or len(set(header)) < len(header):
            raise Unsure
        return [dict(zip(header, line)) for line in lines]
    if kind == ".jsonl":
        text = raw_bytes(path).decode("utf-8-sig")
        return [load(line) for line in text.split("\n") if line.strip()]
    if kind == ".json":
        value = load(raw_bytes(path).decode("utf-8-sig"))
        if isinstance(value, list):
            return value
        if set(value) == {"results"}:
            return value["results"]
        if set(value) == {"columns", "index", "data"}:
            return [dict(zip(value["columns"], line, strict=True)) for line in value["data"]]
        if "id" in value and all(isinstance(column, dict) for column in value.values()):
            return [{name: column[key] for name, column in value.items()} for key in value["id"]]
        raise Unsure
    return table(path).to_pylist()


LONG = [({"model", "id", "logprob"}, "id", "logprob"), ({"model", "id", "token_logprobs"}, "id", "token_logprobs")]
PROMPTS = {"model", "prompt_id", "response_id", "sum_logprob", "comment"}


def text_of(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise Unsure
    return str(value)


def number_of(value: object) -> float:
    if isinstance(value, str) and value.startswith("["):
        value = value.strip("[]").replace(",", " ").split()
    if isinstance(value, list):
        return math.fsum(number_of(element) for element in value)
    if value is None or isinstance(value, bool):
        raise Unsure
    try:
        return float(value)
    except ValueError:
        raise Unsure from None


def values_of(found: list[dict[str, object]]) -> Values:
    keys = set(found[0]) if found and isinstance(found[0], dict) else set()
    if any(not isinstance(row, dict) or set(row) != keys for row in found):
        raise Unsure
    values: Values = {}
    for names, key, column in LONG:
        if keys == names or (keys >= names and {"big", "flag", "price"} <= keys):
            pairs = [((text_of(row["model"]), text_of(row[key])), number_of(row[column])) for row in found]
            break
    else:
        if keys == PROMPTS:
            pairs = [((text_of(row["model"]), text_of(row["response_id"])), number_of(row["sum_logprob"])) for row in found]
        elif keys == {"model", "doc", "metrics"}:
            pairs = [((text_of(row["model"]), text_of(row["doc"]["id"])), number_of(row["metrics"]["logprob"])) for row in found]
        elif keys == {"id", "base", "step-1000", "step-2000"} or keys == {"id", "a", "b"}:
            pairs = [((name, text_of(row["id"])), number_of(row[name])) for row in found for name in row if name != "id"]
        else:
            raise Unsure
    for key, value in pairs:
        if key in values:
            raise Unsure
        values[key] = value
    return values


def same(ours: float, theirs: float) -> bool:
    # −9999 stands for −∞; a sum of tokens may differ in its last bits.
    return ours == theirs or (ours == -math.inf and theirs == -9999.0) or math.isclose(ours, theirs, rel_tol=1e-15)


def leaves(value: object):
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield float(value)
    elif isinstance(value, str):
        try:
            yield float(value)
        except ValueError:
            if value.startswith("["):
                try:
                    yield from leaves(json.loads(value))
                except ValueError:
                    pass


# Columns of Parquet and Arrow.


def alike(ours: object, theirs: object) -> bool:
    """Texts begin with $, numbers are texts that begin with #."""
    if isinstance(theirs, bool) or theirs is None:
        return ours is theirs
    if isinstance(theirs, int):
        return ours == f"#{theirs}"
    if isinstance(theirs, decimal.Decimal):
        return isinstance(ours, str) and ours[0] == "#" and decimal.Decimal(ours[1:]) == theirs
    if isinstance(theirs, float):
        if not isinstance(ours, str) or ours[0] != "#":
            return False
        number = float(ours[1:])
        return number == theirs or (math.isnan(number) and math.isnan(theirs))
    if isinstance(theirs, str):
        return ours == f"${theirs}"
    if isinstance(theirs, list):
        return isinstance(ours, list) and len(ours) == len(theirs) and all(map(alike, ours, theirs))
    if isinstance(theirs, dict):
        return isinstance(ours, dict) and set(ours) == set(theirs) and all(alike(ours[key], theirs[key]) for key in ours)
    # Times, bytes and the like have no one way to be written.
    return True


def field(row: object, path: str):
    """A column is named by its name, else by its path."""
    if isinstance(row, dict) and path in row:
        return row[path]
    for name in row if isinstance(row, dict) else ():
        if path.startswith(f"{name}."):
            return None if row[name] is None else field(row[name], path[len(name) + 1 :])
    raise Unsure


def other_columns(path: Path, columns: list[list]) -> list[str]:
    found = table(path).to_pylist()
    other = []
    for name, ours in columns:
        try:
            theirs = [field(row, name) for row in found]
        except Unsure:
            continue
        if len(ours) != len(theirs) or not all(map(alike, ours, theirs)):
            other.append(name)
    return other


def judge(path: Path, read: dict, columns: list | None) -> tuple[str, object]:
    ours = [[struct.unpack("<d", struct.pack("<Q", bits))[0] for bits in row] for row in read["bits"]]
    if kind_of(path) in (".npy", ".npz", ".safetensors"):
        theirs = rows_of_arrays(path)
        found = len(ours) == len(theirs) and all(
            len(a) == len(b) and all(map(same, a, b)) for a, b in zip(sorted(ours), sorted(theirs))
        )
        in_order = kind_of(path) != ".npy" or all(same(a, b) for a, b in zip(sum(ours, []), sum(theirs, [])))
        return ("same", None) if found and in_order else ("other", [ours, theirs])
    if columns is not None and (other := other_columns(path, columns)):
        return "other", other
    try:
        found = rows(path)
        theirs = values_of(found)
    except Unsure:
        if "token" in path.name:
            return "unsure", None
        if kind_of(path) in (".csv", ".tsv"):
            found = cells(path)
        elif kind_of(path) == ".json":
            found = load(raw_bytes(path).decode("utf-8-sig"))
        counts = collections.Counter(leaves(found))
        missing = [value for value, count in collections.Counter(sum(ours, [])).items() if counts[value] < count]
        missing = [value for value in missing if value != -math.inf or counts[-9999.0] == 0]
        return ("same numbers", None) if not missing else ("other", missing[:4])
    # Columns of a wide table that hold whole numbers of at least zero are left out, with a warning.
    left_out = {model for model, _ in theirs} - set(read["models"])
    for model in left_out:
        values = [value for (other, _), value in theirs.items() if other == model]
        if all(value >= 0 and value.is_integer() for value in values):
            theirs = {key: value for key, value in theirs.items() if key[0] != model}
    named = {(model, key): value for model, row in zip(read["models"], ours) for key, value in zip(read["responses"] or [], row)}
    if len(read["models"]) * len(ours[0]) != len(named) or set(named) != set(theirs):
        return "other", sorted(set(named) ^ set(theirs))[:4]
    wrong = [key for key, value in named.items() if not same(value, theirs[key])]
    return ("other", wrong[:4]) if wrong else ("same", None)


def apart(path: Path, read: dict, columns: object) -> tuple[str, str | None]:
    """`judge` in a process of its own: damaged files make some readers crash."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        try:
            verdict = judge(path, read, columns)
        except Exception:  # whatever the other reader says: it refuses
            verdict = ("refused by the other", None)
        with open(theirs, "w", encoding="utf-8") as out:
            json.dump(verdict, out)
        os._exit(0)
    os.close(theirs)
    with open(ours, encoding="utf-8") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return tuple(json.loads(said)) if said else ("the other crashed", None)


def main() -> None:
    csv.field_size_limit(1 << 30)
    failed = False
    for folder in map(Path, sys.argv[1:]):
        said: collections.Counter[str] = collections.Counter()
        for line in open(folder / "values.jsonl", encoding="utf-8"):
            row = json.loads(line)
            path = folder / row["read"]["file"]
            verdict, why = apart(path, row["read"], row["columns"])
            said[verdict] += 1
            if verdict == "other":
                print(path.name, why)
        print(folder.name, dict(said))
        failed |= said["other"] > 0
    sys.exit(1 if failed else 0)


main()
