"""The whole of a choice as one writes it with NumPy and SciPy: a program of its own, as `select --json` is.

    python select_script.py FILE N,N,…

Reads a matrix [models, responses] of log-probabilities, holds the tournament at each N (scores, picks, exact binomial
intervals), means and intervals of cross-entropy, and the share of 200 bootstrap resamples of the responses that each
model wins. Prints JSON; `bootstrapSeconds` is what the resamples took, so that 1,000 can be counted.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from scipy import stats

RESAMPLES = 200


def main() -> None:
    file, ratios = sys.argv[1], [float(each) for each in sys.argv[2].split(",")]
    matrix = np.load(file)
    models, responses = matrix.shape
    random = np.random.default_rng(0)
    mean = matrix.mean(axis=1, dtype=np.float64)
    error = matrix.std(axis=1, dtype=np.float64, ddof=1) / np.sqrt(responses)
    loss = {
        "values": (-mean).tolist(),
        "intervals": np.stack([-mean - 1.96 * error, -mean + 1.96 * error], axis=1).tolist(),
        "winner": int(mean.argmax()),
    }
    start = time.perf_counter()
    # How often each resample draws each response; single precision, so that products go through BLAS.
    weights = np.empty((responses, RESAMPLES), dtype=np.float32)
    for replicate in range(RESAMPLES):
        weights[:, replicate] = np.bincount(random.integers(responses, size=responses), minlength=responses)
    bootstrap = time.perf_counter() - start

    difference = np.empty_like(matrix)
    reached = np.empty(matrix.shape, dtype=bool)
    tournaments = []
    for ratio in ratios:
        threshold = matrix.dtype.type(np.log(ratio))
        counts = np.empty((models, models), dtype=np.int64)
        resampled = np.zeros((models, RESAMPLES), dtype=np.float32)
        for rival in range(models):
            np.subtract(matrix[rival], matrix, out=difference)
            np.greater_equal(difference, threshold, out=reached)
            counts[rival] = reached.sum(axis=1)
            start = time.perf_counter()
            np.maximum(resampled, reached.astype(np.float32) @ weights, out=resampled)
            bootstrap += time.perf_counter() - start
        np.fill_diagonal(counts, 0)
        score = counts.max(axis=0)
        low = stats.beta.ppf(0.025, score, responses - score + 1)
        high = stats.beta.ppf(0.975, score + 1, responses - score)
        start = time.perf_counter()
        wins = np.bincount(resampled.argmin(axis=0), minlength=models) / RESAMPLES
        bootstrap += time.perf_counter() - start
        tournaments.append(
            {
                "N": ratio,
                "winner": int(score.argmin()),
                "ranking": np.argsort(score, kind="stable").tolist(),
                "scoreCounts": score.tolist(),
                "rivals": counts.argmax(axis=0).tolist(),
                "intervals": np.nan_to_num(np.stack([low, high], axis=1)).tolist(),
                "winShares": wins.tolist(),
            }
        )
    print(json.dumps({"crossEntropy": loss, "tournaments": tournaments, "bootstrapSeconds": bootstrap}))


if __name__ == "__main__":
    main()
