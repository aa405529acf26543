"""The updates in NumPy, written well: one matrix product per sequence (or token), nothing allocated that need not be.

BLAS runs on one thread: the products are too small to be shared out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training import Problem


def _project(theta: np.ndarray, radius: float) -> None:
    norm = np.sqrt(theta @ theta)
    if norm > radius:
        theta *= radius / norm


def _sequence_gradients(problem: Problem) -> Callable[[int, np.ndarray], np.ndarray]:
    """The gradient of the log-likelihood of one response: sum over positions of phi(y_h) minus its mean."""
    prompts, horizon, vocabulary, dim = problem.features.shape
    blocks = problem.features.reshape(prompts, horizon * vocabulary, dim)
    positions = np.arange(horizon)

    def gradient(response: int, theta: np.ndarray) -> np.ndarray:
        block = blocks[problem.prompts[response]]
        weights = (block @ theta).reshape(horizon, vocabulary)
        weights -= weights.max(axis=1, keepdims=True)
        np.exp(weights, out=weights)
        weights /= -weights.sum(axis=1, keepdims=True)
        weights[positions, problem.tokens[response]] += 1.0
        return weights.ravel() @ block

    return gradient


def sequenceSgd(problem: Problem) -> Callable[[], np.ndarray]:
    """theta <- Proj(theta + eta * gradient), a response a step [14]."""
    gradient = _sequence_gradients(problem)

    def run() -> np.ndarray:
        theta = problem.theta.copy()
        for response in range(len(problem.tokens)):
            theta += problem.step_size * gradient(response, theta)
            _project(theta, problem.radius)
        return theta

    return run


def normalizedSgd(problem: Problem) -> Callable[[], np.ndarray]:
    """theta <- Proj(theta + eta * g / (lambda + |g|)), g the mean gradient of K responses [18]."""
    gradient = _sequence_gradients(problem)
    size = problem.batch_size

    def run() -> np.ndarray:
        theta = problem.theta.copy()
        mean = np.empty_like(theta)
        for start in range(0, len(problem.tokens), size):
            mean[:] = 0.0
            for response in range(start, start + size):
                mean += gradient(response, theta)
            mean /= size
            theta += mean * (problem.step_size / (problem.damping + np.sqrt(mean @ mean)))
            _project(theta, problem.radius)
        return theta

    return run


def _token_step(problem: Problem) -> Callable[[int, np.ndarray], float]:
    """One projected step a token along a response [21]; returns the log-probability under the moving theta [22]."""

    def walk(response: int, theta: np.ndarray) -> float:
        blocks = problem.features[problem.prompts[response]]
        total = 0.0
        for block, token in zip(blocks, problem.tokens[response]):
            weights = block @ theta
            weights -= weights.max()
            log_prob = weights[token]
            np.exp(weights, out=weights)
            total_weight = weights.sum()
            total += log_prob - np.log(total_weight)
            weights /= -total_weight
            weights[token] += 1.0
            theta += problem.step_size * (weights @ block)
            _project(theta, problem.radius)
        return total

    return walk


def tokenSgd(problem: Problem) -> Callable[[], np.ndarray]:
    """A step a token, theta carried from response to response [21]."""
    walk = _token_step(problem)

    def run() -> np.ndarray:
        theta = problem.theta.copy()
        for response in range(len(problem.tokens)):
            walk(response, theta)
        return theta

    return run


def testTime(problem: Problem) -> Callable[[], np.ndarray]:
    """log-probability of every response with test-time training: theta starts anew with each [22, 23]."""
    walk = _token_step(problem)

    def run() -> np.ndarray:
        return np.array([walk(response, problem.theta.copy()) for response in range(len(problem.tokens))])

    return run
