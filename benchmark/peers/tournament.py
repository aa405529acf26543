"""Counts of the tournament, and its winner: #{i : L[a,i] - L[b,i] >= log N} for all pairs of rows a, b.

Every function returns the counts as an array [budgets, models, models]. The benchmark's values are multiples of 2^-13,
so that single precision holds all differences exactly and every participant must find the same counts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

Counts = Callable[[], Any]


def _inputs(task: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The matrix, and log N of every budget in the matrix's precision."""
    matrix = np.load(task["file"])
    return matrix, np.log(np.asarray(task["budgets"], dtype=np.float64)).astype(matrix.dtype)


def numpy_rows(task: dict[str, Any]) -> Counts:
    """The row loop one writes first: each model against all at once, nothing allocated in the loop."""
    matrix, thresholds = _inputs(task)
    models = len(matrix)
    difference = np.empty_like(matrix)
    reached = np.empty(matrix.shape, dtype=bool)

    def run() -> np.ndarray:
        counts = np.empty((len(thresholds), models, models), dtype=np.uint32)
        for a in range(models):
            np.subtract(matrix[a], matrix, out=difference)
            for k, threshold in enumerate(thresholds):
                np.greater_equal(difference, threshold, out=reached)
                counts[k, a] = reached.sum(axis=1)
        return counts

    return run


def numpy_pairs(task: dict[str, Any]) -> Counts:
    """The faster form: pair by pair, so that rows stay in cache, and both directions from one subtraction."""
    matrix, thresholds = _inputs(task)
    models, responses = matrix.shape
    difference = np.empty(responses, dtype=matrix.dtype)
    reached = np.empty(responses, dtype=bool)

    def run() -> np.ndarray:
        counts = np.zeros((len(thresholds), models, models), dtype=np.uint32)
        for a in range(models):
            for b in range(a + 1, models):
                np.subtract(matrix[a], matrix[b], out=difference)
                for k, threshold in enumerate(thresholds):
                    np.greater_equal(difference, threshold, out=reached)
                    counts[k, a, b] = np.count_nonzero(reached)
                    np.less_equal(difference, -threshold, out=reached)
                    counts[k, b, a] = np.count_nonzero(reached)
        if (thresholds == 0).any():
            counts[thresholds == 0, np.arange(models), np.arange(models)] = np.isfinite(matrix).sum(axis=1)
        return counts

    return run


@cache
def _numba_kernels(parallel: bool) -> dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """Plain loops, compiled."""
    import numba

    @numba.njit(parallel=parallel)
    def ordered(matrix, thresholds):
        models, responses = matrix.shape
        counts = np.zeros((len(thresholds), models, models), dtype=np.uint32)
        for k in range(len(thresholds)):
            for a in numba.prange(models):
                for b in range(models):
                    count = 0
                    for i in range(responses):
                        if matrix[a, i] - matrix[b, i] >= thresholds[k]:
                            count += 1
                    counts[k, a, b] = count
        return counts

    @numba.njit(parallel=parallel)
    def unordered(matrix, thresholds):
        models, responses = matrix.shape
        counts = np.zeros((len(thresholds), models, models), dtype=np.uint32)
        for k in range(len(thresholds)):
            threshold = thresholds[k]
            for half in numba.prange((models + 1) // 2):
                # Rows half and M-1-half go together, so that every thread has the same number of pairs.
                first = np.int64(half)
                last = models - 1 - first
                for a in range(first, last + 1, max(last - first, 1)):
                    for b in range(a + 1, models):
                        above = 0
                        below = 0
                        for i in range(responses):
                            difference = matrix[a, i] - matrix[b, i]
                            above += difference >= threshold
                            below += difference <= -threshold
                        counts[k, a, b] = above
                        counts[k, b, a] = below
        return counts

    return {"ordered": ordered, "unordered": unordered}


def _numba(name: str) -> Callable[[dict[str, Any]], Counts]:
    def factory(task: dict[str, Any]) -> Counts:
        import numba

        matrix, thresholds = _inputs(task)
        threads = task["threads"]
        kernel = _numba_kernels(threads > 1)[name]
        numba.set_num_threads(threads)
        kernel(matrix[:2, :2].copy(), thresholds)

        def run() -> np.ndarray:
            numba.set_num_threads(threads)
            return kernel(matrix, thresholds)

        return run

    return factory


#: What one writes first: a count for every ordered pair.
numba_loops = _numba("ordered")

#: The faster form: both directions from one subtraction, written so that the compiler needs no branch.
numba_pairs = _numba("unordered")


def torch_rows(task: dict[str, Any]) -> Counts:
    """PyTorch on the processor: the row loop."""
    import torch

    matrix, thresholds = _inputs(task)
    matrix = torch.from_numpy(matrix)
    values = thresholds.tolist()
    models = len(matrix)

    def run() -> Any:
        torch.set_num_threads(task["threads"])
        counts = torch.empty((len(values), models, models), dtype=torch.int64)
        for a in range(models):
            difference = matrix[a] - matrix
            for k, threshold in enumerate(values):
                counts[k, a] = (difference >= threshold).sum(dim=1)
        return counts

    return run


COUNTS = {
    "numpy": numpy_rows,
    "numpyPairs": numpy_pairs,
    "numba": numba_loops,
    "numbaPairs": numba_pairs,
    "torch": torch_rows,
}


def _reach(rows: np.ndarray, model: int, count: int) -> float:
    """The greatest, over rivals, of the log ratio at which one more response than `count` would count."""
    rivals = np.delete(rows, model, axis=0)
    if count >= rows.shape[1] or len(rivals) == 0:
        return -np.inf
    place = rows.shape[1] - 1 - count
    return max(float(np.partition(rival - rows[model], place)[place]) for rival in rivals)


def _winner_by(counting: Callable[[dict[str, Any]], Counts]) -> Callable[[dict[str, Any]], Counts]:
    """Winner and score count at each budget from all counts: least worst count, least reach, greatest mean, first."""

    def factory(task: dict[str, Any]) -> Counts:
        counts_of = counting(task)
        rows = np.load(task["file"]).astype(np.float64)
        means = rows.mean(axis=1)

        def run() -> np.ndarray:
            found = []
            for counts in np.asarray(counts_of()):
                np.fill_diagonal(counts, 0)
                scores = counts.max(axis=0)
                least = np.flatnonzero(scores == scores.min())
                # The reach is asked only of those who share the least score.
                reach = [_reach(rows, model, scores[model]) for model in least] if len(least) > 1 else [0.0]
                winner = least[np.lexsort((least, -means[least], reach))[0]]
                found.append((winner, scores[winner]))
            return np.array(found)

        return run

    return factory


WINNER = {name: _winner_by(counting) for name, counting in COUNTS.items()}
