"""What users would otherwise run, timed in one Python process beside the Rust core.

`npm run bench` starts this file and speaks to it in JSON lines, one request at a time, the same that the core answers:

    {"call": "prepare", "slot": S, "task": {...}, "result": FILE}   run once, write the result's bytes to FILE
    {"call": "round", "slot": S, "iterations": k}                   run k times: {"seconds": total, "checksum": ...}
    {"call": "release", "slot": S}                                  forget the task
    {"call": "convert", "source": F, "file": G, "format": E}        write the matrix of F, a .npy file, as G
    {"call": "versions"}                                            which packages there are

A package that is not installed answers {"skipped": reason}; anything else that fails answers {"error": message}.
Times are taken here, so they hold no pipe and no JSON. The garbage collector rests during a round, as in `timeit`.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import platform
import sys
import time
import traceback
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

import bootstrap
import reading
import tournament
import training

#: Makes a task runnable: reads its inputs, compiles what has to be compiled, returns a function without arguments.
Factory = Callable[[dict[str, Any]], Callable[[], Any]]

FACTORIES: dict[str, dict[str, Factory]] = {
    "tournament": tournament.COUNTS,
    "winner": tournament.WINNER,
    "bootstrap": bootstrap.BOOTSTRAP,
    "read": reading.READ,
    "training": training.TRAINING,
    "testTime": training.TEST_TIME,
}

#: Element type in which results of a kind of task are compared.
RESULT_TYPES = {"tournament": "<u4", "winner": "<u4", "bootstrap": "<u4"}

PACKAGES = ("numpy", "numba", "torch", "jax", "jaxlib", "safetensors", "pyarrow")


class Slot:
    """A prepared task."""

    def __init__(self, task: dict[str, Any]) -> None:
        methods = FACTORIES[task["kind"]]
        self.dtype = RESULT_TYPES.get(task["kind"], "<f8")
        self.run = methods[task["method"]](task)

    def bytes_of(self, result: Any) -> bytes:
        return np.ascontiguousarray(np.asarray(result).astype(self.dtype, copy=False)).tobytes()

    def prepare(self, file: str) -> dict[str, Any]:
        start = time.perf_counter()
        result = self.run()
        seconds = time.perf_counter() - start
        with open(file, "wb") as out:
            out.write(self.bytes_of(result))
        return {"seconds": seconds, "facts": {}}

    def round(self, iterations: int) -> dict[str, Any]:
        run = self.run
        result = None
        gc.collect()
        gc.disable()
        try:
            start = time.perf_counter()
            for _ in range(iterations):
                result = run()
            seconds = time.perf_counter() - start
        finally:
            gc.enable()
        return {"seconds": seconds, "checksum": f"{zlib.crc32(self.bytes_of(result)):08x}"}


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def serve(request: dict[str, Any], slots: dict[str, Slot]) -> dict[str, Any]:
    call = request["call"]
    if call == "versions":
        return versions()
    if call == "convert":
        reading.convert(request["source"], request["file"], request["format"])
        return {}
    if call == "prepare":
        slot = Slot(request["task"])
        answer = slot.prepare(request["result"])
        slots[request["slot"]] = slot
        return answer
    if call == "round":
        return slots[request["slot"]].round(request["iterations"])
    if call == "release":
        slots.pop(request["slot"], None)
        return {}
    raise ValueError(f"unknown call {call}")


def main() -> None:
    # Whatever a package prints must not get between the answers.
    answers = sys.stdout
    sys.stdout = sys.stderr
    slots: dict[str, Slot] = {}
    for line in sys.stdin:
        try:
            answer = serve(json.loads(line), slots)
        except ModuleNotFoundError as error:
            answer = {"skipped": f"the Python package {error.name} is not installed"}
        except Exception:
            answer = {"error": traceback.format_exc(limit=-3)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
