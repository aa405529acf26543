"""Training and test-time training of dense table features: this package's core beside NumPy and numba.

Usage: python linear_training.py PATH_TO_EXAMPLE [--json FILE] [--rounds 5]

PATH_TO_EXAMPLE is the release build of `crates/core/examples/linear_training.rs`
(`cargo build --release -p coverage-principle-core --example linear_training`). H = 32, V = 16, one prompt; every
implementation makes the same updates on the same numbers, one thread each, and all results are compared before a time
is reported. Rounds are interleaved; the least time of each is kept. NumPy uses one matrix product per position for
token SGD and per sequence for SGD; numba the plain loops, compiled without fast-math.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402

try:
    from numba import njit
except ImportError:
    njit = None

H, V = 32, 16
ETA = {"sgd": 0.01, "normalizedSgd": 0.05, "tokenSgd": 0.01, "testTime": 0.01}
LAMBDA, BATCH = 0.5, 16
REPEATS = 12  # within a round; short runs repeated are what a busy machine lets through


def project(theta):
    norm = np.sqrt(theta @ theta)
    return theta / norm if norm > 1 else theta


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def numpy_sgd(features, tokens):
    flat = features.reshape(H * V, -1)
    rows = np.arange(H)
    theta = np.zeros(flat.shape[1])
    for y in tokens:
        weights = -softmax((flat @ theta).reshape(H, V))
        weights[rows, y] += 1
        theta = project(theta + ETA["sgd"] * (weights.ravel() @ flat))
    return theta


def numpy_normalized_sgd(features, tokens):
    flat = features.reshape(H * V, -1)
    theta = np.zeros(flat.shape[1])
    rows = np.arange(H)
    for first in range(0, len(tokens) - BATCH + 1, BATCH):
        weights = -softmax((flat @ theta).reshape(H, V))
        for y in tokens[first : first + BATCH]:
            weights[rows, y] += 1 / BATCH
        gradient = weights.ravel() @ flat
        theta = project(theta + ETA["normalizedSgd"] * gradient / (LAMBDA + np.sqrt(gradient @ gradient)))
    return theta


def numpy_token_sgd(features, tokens):
    theta = np.zeros(features.shape[-1])
    for y in tokens:
        for h in range(H):
            block = features[h]
            logits = block @ theta
            weights = np.exp(logits - logits.max())
            weights *= -ETA["tokenSgd"] / weights.sum()
            weights[y[h]] += ETA["tokenSgd"]
            theta = project(theta + weights @ block)
    return theta


def numpy_test_time(features, tokens, start):
    total = np.zeros(len(tokens))
    for i, y in enumerate(tokens):
        theta = start
        for h in range(H):
            block = features[h]
            logits = block @ theta
            top = logits.max()
            weights = np.exp(logits - top)
            mass = weights.sum()
            total[i] += logits[y[h]] - top - np.log(mass)
            weights *= -ETA["testTime"] / mass
            weights[y[h]] += ETA["testTime"]
            theta = project(theta + weights @ block)
    return total


def loops():
    @njit
    def add_weights(features, theta, h, y, scale, weights):
        d = theta.shape[0]
        top = -np.inf
        for v in range(V):
            logit = 0.0
            for j in range(d):
                logit += features[h, v, j] * theta[j]
            weights[v] = logit
            top = max(top, logit)
        chosen = weights[y]
        mass = 0.0
        for v in range(V):
            weights[v] = np.exp(weights[v] - top)
            mass += weights[v]
        for v in range(V):
            weights[v] *= -scale / mass
        weights[y] += scale
        return chosen - top - np.log(mass)

    @njit
    def add_features(features, h, weights, gradient):
        for v in range(V):
            for j in range(gradient.shape[0]):
                gradient[j] += weights[v] * features[h, v, j]

    @njit
    def shorten(theta):
        square = 0.0
        for value in theta:
            square += value * value
        if square > 1:
            theta /= np.sqrt(square)

    @njit
    def sgd(features, tokens, eta):
        theta = np.zeros(features.shape[2])
        weights = np.empty(V)
        for i in range(tokens.shape[0]):
            gradient = np.zeros(theta.shape[0])
            for h in range(H):
                add_weights(features, theta, h, tokens[i, h], 1.0, weights)
                add_features(features, h, weights, gradient)
            theta += eta * gradient
            shorten(theta)
        return theta

    @njit
    def normalized(features, tokens, eta):
        theta = np.zeros(features.shape[2])
        weights = np.empty(V)
        for first in range(0, tokens.shape[0] - BATCH + 1, BATCH):
            gradient = np.zeros(theta.shape[0])
            for i in range(first, first + BATCH):
                for h in range(H):
                    add_weights(features, theta, h, tokens[i, h], 1.0 / BATCH, weights)
                    add_features(features, h, weights, gradient)
            theta += eta * gradient / (LAMBDA + np.sqrt(np.sum(gradient * gradient)))
            shorten(theta)
        return theta

    @njit
    def token(features, tokens, eta):
        theta = np.zeros(features.shape[2])
        weights = np.empty(V)
        for i in range(tokens.shape[0]):
            for h in range(H):
                add_weights(features, theta, h, tokens[i, h], eta, weights)
                add_features(features, h, weights, theta)
                shorten(theta)
        return theta

    @njit
    def test_time(features, tokens, start, eta):
        total = np.zeros(tokens.shape[0])
        weights = np.empty(V)
        theta = np.empty(start.shape[0])
        for i in range(tokens.shape[0]):
            theta[:] = start
            for h in range(H):
                total[i] += add_weights(features, theta, h, tokens[i, h], eta, weights)
                add_features(features, h, weights, theta)
                shorten(theta)
        return total

    return {
        "sgd": lambda f, t, s: sgd(f, t, ETA["sgd"]),
        "normalizedSgd": lambda f, t, s: normalized(f, t, ETA["normalizedSgd"]),
        "tokenSgd": lambda f, t, s: token(f, t, ETA["tokenSgd"]),
        "testTime": lambda f, t, s: test_time(f, t, s, ETA["testTime"]),
    }


NUMPY = {
    "sgd": lambda f, t, s: numpy_sgd(f, t),
    "normalizedSgd": lambda f, t, s: numpy_normalized_sgd(f, t),
    "tokenSgd": lambda f, t, s: numpy_token_sgd(f, t),
    "testTime": numpy_test_time,
}


def compare(example, dim, sequences, rounds):
    peers = {"numpy": NUMPY}
    if njit is not None:
        peers["numba"] = loops()
    best, equal = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for round_number in range(rounds):
            ours = json.loads(subprocess.check_output([example, folder, str(dim), str(sequences)], text=True))
            read = lambda name, kind: np.fromfile(os.path.join(folder, name), kind)  # noqa: E731
            features = read("features.f64", "<f8").reshape(H, V, dim)
            tokens = read("tokens.u32", "<u4").astype(np.int64).reshape(sequences, H)
            start = read("tokenSgd.theta.f64", "<f8")
            for case, seconds in ours.items():
                best[case, "ours"] = min(best.get((case, "ours"), np.inf), seconds)
                expected = read("testTime.logProbs.f64" if case == "testTime" else f"{case}.theta.f64", "<f8")
                for peer, functions in peers.items():
                    if round_number == 0:  # also compiles
                        found = functions[case](features, tokens, start)
                        error = float(np.max(np.abs(found - expected)))
                        assert error < 1e-9, f"{peer} {case} differs by {error}"
                        equal[case, peer] = error
                    for _ in range(REPEATS):
                        begin = time.perf_counter()
                        functions[case](features, tokens, start)
                        seconds = (time.perf_counter() - begin) / sequences
                        best[case, peer] = min(best.get((case, peer), np.inf), seconds)
    rows = []
    for case in ETA:
        row = {"case": case, "dim": dim, "ours": best[case, "ours"]}
        for peer in peers:
            row[peer] = best[case, peer]
            row[f"{peer}Ratio"] = best[case, peer] / best[case, "ours"]
            row[f"{peer}Difference"] = equal[case, peer]
        rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("example")
    parser.add_argument("--json")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    rows = []
    for dim, sequences in ((64, 160), (1024, 32)):
        rows += compare(arguments.example, dim, sequences, arguments.rounds)
    for row in rows:
        times = " ".join(f"{key} {row[key] * 1e6:8.2f} µs" for key in ("ours", "numpy", "numba") if key in row)
        ratios = " ".join(f"{key}x{row[key + 'Ratio']:.1f}" for key in ("numpy", "numba") if key in row)
        print(f"d={row['dim']:5d} {row['case']:14s} {times}   {ratios}", file=sys.stderr)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
