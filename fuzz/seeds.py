"""Writes small files to make mutants of, a folder a format: `seeds.py DIR`.

Every one is accepted as it is, so that what is done to it decides; all hold finite values that differ. Needs numpy,
pyarrow and safetensors.
"""

from __future__ import annotations

import bz2
import decimal
import gzip
import io
import json
import lzma
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
from safetensors.numpy import save_file

here = Path(sys.argv[1])
MODELS = ["base", "step-1000", "step-2000"]
IDS = ["r0", "r1", "9007199254740993", "ü,4"]
matrix = -(1 + np.arange(3)[:, None] / 7 + 5 * np.arange(4)[None, :] / 11)
long = [(model, key, value) for model, row in zip(MODELS, matrix.tolist()) for key, value in zip(IDS, row)]


def at(name: str) -> Path:
    path = here / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def text(name: str, content: str) -> None:
    at(name).write_text(content, encoding="utf-8", newline="")


def arrays() -> None:
    for dtype in ["<f2", "<f4", "<f8", ">f4", ">f8"]:
        np.save(at(f"npy/{dtype[1:]}{'b' if dtype[0] == '>' else ''}.npy"), matrix.astype(dtype))
    np.save(at("npy/fortran.npy"), np.asfortranarray(matrix))
    with open(at("npy/version3.npy"), "wb") as file:
        np.lib.format.write_array(file, matrix, version=(3, 0))
    names = {"models": np.array(MODELS), "ids": np.array(IDS)}
    np.savez(at("npz/named.npz"), log_probs=matrix, **names)
    np.savez_compressed(at("npz/deflated.npz"), log_probs=matrix.astype("f4"), models=np.array(MODELS, dtype="S"))
    np.savez(at("npz/each.npz"), **dict(zip(MODELS, matrix)))
    np.savez_compressed(at("npz/each-deflated.npz"), **dict(zip(MODELS, matrix)))
    metadata = {"models": json.dumps(MODELS)}
    save_file({"log_probs": matrix}, at("safetensors/matrix.safetensors"), metadata=metadata)
    save_file({name: row.astype("f4") for name, row in zip(MODELS, matrix)}, at("safetensors/each.safetensors"))
    save_file({"log_probs": matrix.astype("f2")}, at("safetensors/f2.safetensors"))


def tables() -> None:
    rows = pa.table(
        {
            "model": pa.array([model for model, _, _ in long]).dictionary_encode(),
            "id": [key for _, key, _ in long],
            "logprob": [value for _, _, value in long],
        }
    )
    single = rows.set_column(2, "logprob", rows["logprob"].cast(pa.float32()))
    wide = pa.table({"id": IDS, **dict(zip(MODELS, matrix))})
    some = lambda values, step: [None if row % step == 1 else value for row, value in enumerate(values)]
    count = len(long)
    struct = pa.struct([("score", pa.float64()), ("name", pa.string())])
    rich = rows.append_column("big", pa.array(some(range(2**63 - count, 2**63), 5), pa.int64()))
    rich = rich.append_column("flag", pa.array(some([row % 3 == 0 for row in range(count)], 4), pa.bool_()))
    cents = [decimal.Decimal(row * 1001).scaleb(-3) for row in range(count)]
    rich = rich.append_column("price", pa.array(some(cents, 6), pa.decimal128(12, 3)))
    rich = rich.append_column("tokens", pa.array(some([[-0.25] * (row % 4) for row in range(count)], 5), pa.list_(pa.float64())))
    fields = [{"score": row / 3, "name": None if row % 3 else "x"} for row in range(count)]
    rich = rich.append_column("about", pa.array(some(fields, 6), struct))

    for codec in ["none", "snappy", "gzip", "brotli", "lz4", "zstd"]:
        for version in ["1.0", "2.0"]:
            pq.write_table(
                rows,
                at(f"parquet/{codec}-{version[0]}.parquet"),
                compression=codec,
                data_page_version=version,
                use_dictionary=version == "1.0",
                row_group_size=5,
            )
    pq.write_table(single, at("parquet/checked.parquet"), write_page_checksum=True, compression="none")
    pq.write_table(wide, at("parquet/wide.parquet"), compression="none", use_dictionary=False)
    pq.write_table(rich, at("parquet/rich.parquet"), compression="none", row_group_size=7)
    pq.write_table(rich, at("parquet/rich-2.parquet"), data_page_version="2.0", use_dictionary=False, data_page_size=32)
    encodings = {"model": "DELTA_LENGTH_BYTE_ARRAY", "id": "DELTA_BYTE_ARRAY", "logprob": "BYTE_STREAM_SPLIT"}
    plain = rows.set_column(0, "model", rows["model"].cast(pa.string()))
    encoded = plain.append_column("sample", pa.array(range(count), pa.int64()))
    pq.write_table(
        encoded,
        at("parquet/encodings.parquet"),
        compression="none",
        use_dictionary=False,
        column_encoding={**encodings, "sample": "DELTA_BINARY_PACKED"},
    )
    for label, table in [("long", rows), ("wide", wide), ("rich", rich)]:
        for codec in [None, "lz4", "zstd"]:
            options = ipc.IpcWriteOptions(compression=codec)
            for kind, writer in [("file", ipc.new_file), ("stream", ipc.new_stream)]:
                with writer(at(f"arrow/{label}-{codec}-{kind}.arrow"), table.schema, options=options) as file:
                    file.write_table(table, max_chunksize=7)


def quoted(cell: object) -> str:
    return f'"{cell}"' if "," in str(cell) else str(cell)


def texts() -> None:
    for ending, separator in [("csv", ","), ("tsv", "\t")]:
        line = lambda cells: separator.join(map(quoted if ending == "csv" else str, cells)) + "\n"
        text(f"{ending}/long.{ending}", line(["model", "id", "logprob"]) + "".join(line(row) for row in long))
        columns = [line([key, *row]) for key, row in zip(IDS, matrix.T.tolist())]
        text(f"{ending}/wide.{ending}", line(["id", *MODELS]) + "".join(columns))
        prompts = [line([model, f"p{key[0]}", key, value, 'say "no"']) for model, key, value in long]
        header = line(["model", "prompt_id", "response_id", "sum_logprob", "comment"])
        text(f"{ending}/prompts.{ending}", header + "".join(prompts).replace("\n", "\r\n"))
        tokens = [line([model, key, f"[{value} -0.5]"]) for model, key, value in long]
        text(f"{ending}/tokens.{ending}", line(["model", "id", "token_logprobs"]) + "".join(tokens))
    text("csv/semicolons.csv", "id;a;b\n" + "".join(f"{key};{a!r};{b!r}\n" for key, (a, b, _) in zip(IDS, matrix.T.tolist())))
    rows = [{"model": model, "id": key, "logprob": value} for model, key, value in long]
    lines = lambda rows: "".join(json.dumps(row) + "\n" for row in rows)
    text("jsonl/long.jsonl", lines(rows))
    text("jsonl/raw.jsonl", "".join(json.dumps({**row, "text": "é\n\"\\"}, ensure_ascii=False) + "\n" for row in rows))
    wide = [{"id": key, **dict(zip(MODELS, column))} for key, column in zip(IDS, matrix.T.tolist())]
    text("jsonl/wide.jsonl", lines(wide))
    nested = [{"model": row["model"], "doc": {"id": row["id"]}, "metrics": {"logprob": row["logprob"]}} for row in rows]
    text("jsonl/nested.jsonl", lines(nested))
    tokens = [{**row, "logprob": None, "token_logprobs": [row["logprob"], -0.5]} for row in rows]
    text("jsonl/tokens.jsonl", lines([{key: value for key, value in row.items() if value is not None} for row in tokens]))
    text("json/list.json", json.dumps(rows))
    text("json/results.json", json.dumps({"results": rows}, indent=1))
    text("json/matrix.json", json.dumps({"models": MODELS, "logprobs": matrix.tolist()}))
    columns = {"id": dict(enumerate(IDS)), **{name: dict(enumerate(row)) for name, row in zip(MODELS, matrix.tolist())}}
    text("json/pandas.json", json.dumps(columns))
    split = {"columns": ["model", "id", "logprob"], "index": list(range(len(long))), "data": [list(row) for row in long]}
    text("json/split.json", json.dumps(split))


def containers() -> None:
    for name in ["csv/long.csv", "jsonl/long.jsonl", "npy/f8.npy"]:
        raw = (here / name).read_bytes()
        base = f"containers/{Path(name).name}"
        at(f"{base}.gz").write_bytes(gzip.compress(raw, mtime=0))
        at(f"{base}.bz2").write_bytes(bz2.compress(raw))
        at(f"{base}.xz").write_bytes(lzma.compress(raw))
        at(f"{base}.zst").write_bytes(pa.compress(raw, codec="zstd", asbytes=True))
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(Path(name).name, raw)
        at(f"{base}.zip").write_bytes(file.getvalue())


arrays()
tables()
texts()
containers()
