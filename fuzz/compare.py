"""Asks others whether they see in mutants what was accepted: `compare.py DIR`, where `reading_mutants --keep DIR` wrote.

A file that the other reader refuses says nothing; one that it reads must hold the same numbers, in some order of models
and responses. Needs numpy, pyarrow and safetensors.
"""

from __future__ import annotations

import collections
import csv
import gzip
import io
import json
import struct
import sys
from pathlib import Path

import numpy as np


def numbers_of_arrays(path: Path) -> list[float]:
    name = path.name
    if name.endswith(".safetensors"):
        from safetensors.numpy import load_file

        arrays = list(load_file(path).values())
    elif name.endswith(".npz"):
        with np.load(path, allow_pickle=False) as archive:
            arrays = [archive[key] for key in archive.files]
    else:
        arrays = [np.load(path, allow_pickle=False)]
    return [float(value) for array in arrays if array.dtype.kind == "f" for value in array.ravel()]


def numbers_of_table(path: Path) -> list[float]:
    import pyarrow as pa
    from pyarrow import parquet

    if path.name.endswith(".parquet"):
        # Its own checksums are compared, as ours are.
        table = parquet.read_table(path, page_checksum_verification=True)
    else:
        with pa.memory_map(str(path)) as source:
            try:
                table = pa.ipc.open_file(source).read_all()
            except pa.ArrowInvalid:
                table = pa.ipc.open_stream(source).read_all()
    return list(leaves(table.to_pylist()))


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


def numbers_of_text(path: Path) -> list[float]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    if path.name.endswith((".csv", ".tsv")):
        delimiter = "\t" if path.name.endswith(".tsv") else ";" if ";" in text.split("\n")[0] else ","
        quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting)
        return list(leaves([[cell.strip() for cell in row] for row in rows]))
    try:
        return list(leaves(json.loads(text)))
    except ValueError:
        return list(leaves([json.loads(line) for line in text.split("\n") if line.strip()]))


def numbers(path: Path) -> list[float]:
    if path.name.endswith((".npy", ".npz", ".safetensors")):
        return numbers_of_arrays(path)
    if path.name.endswith((".parquet", ".arrow", ".feather")):
        return numbers_of_table(path)
    return numbers_of_text(path)


def main() -> None:
    folder = Path(sys.argv[1])
    said = collections.Counter()
    for line in open(folder / "values.jsonl", encoding="utf-8"):
        row = json.loads(line)
        ours = [struct.unpack("<d", struct.pack("<Q", bits))[0] for bits in sum(row["bits"], [])]
        try:
            theirs = collections.Counter(numbers(folder / row["file"]))
        except Exception:  # whatever the other reader says: it refuses
            said["refused by the other"] += 1
            continue
        missing = [value for value, count in collections.Counter(ours).items() if theirs[value] < count]
        # Negative zero and −9999, which stands for −∞, are read on purpose.
        missing = [value for value in missing if value != float("-inf") or theirs[-9999.0] == 0]
        said["same" if not missing else "other"] += 1
        if missing:
            print(row["file"], missing[:4])
    print(dict(said))
    sys.exit(1 if said["other"] else 0)


main()
