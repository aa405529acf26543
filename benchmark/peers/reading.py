"""Reading files of log-probabilities. The result compared is the sum of every row, exact in any order."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import Any

import numpy as np


def _sums(matrix: np.ndarray) -> np.ndarray:
    return matrix.sum(axis=1, dtype=np.float64)


class _Matrix:
    """A matrix whose row sums are only taken when the result is looked at, outside of the timed section."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(_sums(self.values), dtype=dtype)


def _load(file: str) -> np.ndarray:
    if file.endswith(".npz"):
        with np.load(file) as archive:
            return np.array([archive[name] for name in archive.files])
    if file.endswith(".safetensors"):
        from safetensors.numpy import load_file

        return next(iter(load_file(file).values()))
    return np.load(file)


def load(task: dict[str, Any]) -> Callable[[], _Matrix]:
    """The package's own reader; nothing is checked."""
    return lambda: _Matrix(_load(task["file"]))


def load_checked(task: dict[str, Any]) -> Callable[[], _Matrix]:
    """The same, then what a careful user checks: nothing is NaN, nothing is positive."""

    def run() -> _Matrix:
        values = _load(task["file"])
        if not (values <= 1e-6).all():
            raise ValueError("a log-probability is NaN or positive")
        return _Matrix(values)

    return run


def load_text(task: dict[str, Any]) -> Callable[[], _Matrix]:
    """NumPy's reader of text: a column a model after the column of ids."""

    def run() -> _Matrix:
        with open(task["file"], encoding="utf-8") as lines:
            columns = lines.readline().count(",") + 1
            return _Matrix(np.loadtxt(lines, delimiter=",", usecols=range(1, columns), ndmin=2).T)

    return run


def load_lines(task: dict[str, Any]) -> Callable[[], _Matrix]:
    """What one writes first: json.loads line by line into a dictionary a model, rows in the order of the first model."""

    def run() -> _Matrix:
        models: dict[str, dict[str, float]] = {}
        with open(task["file"], encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                models.setdefault(row["model"], {})[row["id"]] = row["logProb"]
        first = next(iter(models.values()))
        return _Matrix(np.array([[row[key] for key in first] for row in models.values()]))

    return run


def load_rows(task: dict[str, Any]) -> Callable[[], _Matrix]:
    """The same for a long table: csv.reader row by row."""

    def run() -> _Matrix:
        models: dict[str, dict[str, float]] = {}
        with open(task["file"], encoding="utf-8", newline="") as lines:
            rows = csv.reader(lines)
            next(rows)
            for key, model, value in rows:
                models.setdefault(model, {})[key] = float(value)
        first = next(iter(models.values()))
        return _Matrix(np.array([[row[key] for key in first] for row in models.values()]))

    return run


def load_arrow(task: dict[str, Any]) -> Callable[[], _Matrix]:
    """PyArrow's readers of CSV and Parquet."""
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    file, threads = task["file"], task["threads"]

    def run() -> _Matrix:
        if file.endswith(".csv"):
            table = arrow_csv.read_csv(file, read_options=arrow_csv.ReadOptions(use_threads=threads > 1))
        else:
            table = parquet.read_table(file, use_threads=threads > 1)
        return _Matrix(np.array([column.to_numpy() for column in table.columns[1:]]))

    return run


READ = {
    "numpy": load,
    "numpyChecked": load_checked,
    "loadtxt": load_text,
    "jsonLoads": load_lines,
    "csvReader": load_rows,
    "pyarrow": load_arrow,
}


def convert(source: str, file: str, kind: str) -> None:
    """Writes the matrix of a .npy file in another format, with names of models and ids of responses."""
    matrix = np.load(source)
    names = [f"step{model}" for model in range(len(matrix))]
    ids = [f"r{response}" for response in range(matrix.shape[1])]
    if kind == "npz":
        np.savez(file, **dict(zip(names, matrix)))
    elif kind == "safetensors":
        from safetensors.numpy import save_file

        save_file({"log_probs": matrix}, file, metadata={"models": json.dumps(names)})
    elif kind == "csv":
        with open(file, "w", encoding="utf-8") as out:
            out.write(",".join(["id", *names]) + "\n")
            for key, column in zip(ids, matrix.T.tolist()):
                out.write(",".join([key, *map(repr, column)]) + "\n")
    elif kind == "long.csv":
        with open(file, "w", encoding="utf-8") as out:
            out.write("id,model,logProb\n")
            for name, row in zip(names, matrix.tolist()):
                for key, value in zip(ids, row):
                    out.write(f"{key},{name},{value!r}\n")
    elif kind == "jsonl":
        with open(file, "w", encoding="utf-8") as out:
            for name, row in zip(names, matrix.tolist()):
                for key, value in zip(ids, row):
                    out.write(json.dumps({"id": key, "model": name, "logProb": value}) + "\n")
    elif kind == "parquet":
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.table({"id": ids, **dict(zip(names, matrix))}), file, compression="zstd")
    else:
        raise ValueError(f"unknown format {kind}")
