"""Who wins how many resampled tournaments, on the very resamples that the core draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def _inputs(task: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The matrix, log N of every budget, and how often each replicate draws each response."""
    matrix = np.load(task["file"])
    thresholds = np.log(np.asarray(task["budgets"], dtype=np.float64)).astype(matrix.dtype)
    return matrix, thresholds, np.load(task["draws"])


def _order(matrix: np.ndarray, threshold: np.floating) -> np.ndarray:
    """The place of each model in the ranking on all responses, which decides ties: score, reach, mean, input order."""
    models = len(matrix)
    ratios = matrix.astype(np.float64)[:, None] - matrix.astype(np.float64)[None]
    counts = (matrix[:, None] - matrix[None] >= threshold).sum(axis=2)
    np.fill_diagonal(counts, 0)
    scores = counts.max(axis=0)
    falling = -np.sort(-ratios, axis=2)
    reach = [max(falling[a, b, scores[b]] for a in range(models) if a != b) for b in range(models)]
    ranking = np.lexsort((np.arange(models), -matrix.mean(axis=1, dtype=np.float64), reach, scores))
    return np.argsort(ranking)


def _winner(counts: np.ndarray, order: np.ndarray) -> int:
    """Least worst count, then the first in the ranking on all responses."""
    np.fill_diagonal(counts, 0)
    return np.lexsort((order, counts.max(axis=0)))[0]


def numpy_resampled(task: dict[str, Any]) -> Callable[[], np.ndarray]:
    """What one writes first: draw the columns, play the tournament of the drawn columns."""
    matrix, thresholds, draws = _inputs(task)
    models, responses = matrix.shape

    def run() -> np.ndarray:
        wins = np.zeros((len(thresholds), models), dtype=np.uint32)
        counts = np.empty((models, models), dtype=np.int64)
        orders = [_order(matrix, threshold) for threshold in thresholds]
        for times in draws:
            resampled = matrix[:, np.repeat(np.arange(responses), times)]
            for k, threshold in enumerate(thresholds):
                for a in range(models):
                    counts[a] = (resampled[a] - resampled >= threshold).sum(axis=1)
                wins[k, _winner(counts, orders[k])] += 1
        return wins

    return run


def numpy_indicators(task: dict[str, Any]) -> Callable[[], np.ndarray]:
    """The better idea: who passes the threshold is fixed, so all counts of all replicates are one matrix product."""
    matrix, thresholds, draws = _inputs(task)
    models = len(matrix)

    def run() -> np.ndarray:
        wins = np.zeros((len(thresholds), models), dtype=np.uint32)
        times = draws.T.astype(np.float32)
        for k, threshold in enumerate(thresholds):
            reached = (matrix[:, None] - matrix[None] >= threshold).reshape(models * models, -1).astype(np.float32)
            order = _order(matrix, threshold)
            for counts in (reached @ times).T:
                wins[k, _winner(counts.reshape(models, models).copy(), order)] += 1
        return wins

    return run


BOOTSTRAP = {"numpy": numpy_resampled, "numpyIndicators": numpy_indicators}
