"""The updates in Numba: plain loops, compiled, one thread."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np

from training import Problem


@numba.njit
def _project(theta, radius):
    square = 0.0
    for j in range(len(theta)):
        square += theta[j] * theta[j]
    norm = np.sqrt(square)
    if norm > radius:
        for j in range(len(theta)):
            theta[j] *= radius / norm


@numba.njit
def _token_weights(block, theta, token, weights):
    """Leaves e_token - probabilities in `weights`; returns the log-probability of the token."""
    vocabulary, dim = block.shape
    greatest = -np.inf
    for y in range(vocabulary):
        logit = 0.0
        for j in range(dim):
            logit += block[y, j] * theta[j]
        weights[y] = logit
        greatest = max(greatest, logit)
    chosen = weights[token] - greatest
    total = 0.0
    for y in range(vocabulary):
        weights[y] = np.exp(weights[y] - greatest)
        total += weights[y]
    for y in range(vocabulary):
        weights[y] = (1.0 if y == token else 0.0) - weights[y] / total
    return chosen - np.log(total)


@numba.njit
def _add_combination(block, weights, factor, vector):
    vocabulary, dim = block.shape
    for y in range(vocabulary):
        for j in range(dim):
            vector[j] += factor * weights[y] * block[y, j]


@numba.njit
def _add_gradient(features, prompt, tokens, theta, weights, gradient):
    for h in range(len(tokens)):
        _token_weights(features[prompt, h], theta, tokens[h], weights)
        _add_combination(features[prompt, h], weights, 1.0, gradient)


@numba.njit
def _sequence_sgd(features, prompts, tokens, theta, step_size, radius):
    weights = np.empty(features.shape[2])
    gradient = np.empty(len(theta))
    for response in range(len(tokens)):
        gradient[:] = 0.0
        _add_gradient(features, prompts[response], tokens[response], theta, weights, gradient)
        for j in range(len(theta)):
            theta[j] += step_size * gradient[j]
        _project(theta, radius)


@numba.njit
def _normalized_sgd(features, prompts, tokens, theta, step_size, radius, size, damping):
    weights = np.empty(features.shape[2])
    gradient = np.empty(len(theta))
    for start in range(0, len(tokens), size):
        gradient[:] = 0.0
        for response in range(start, start + size):
            _add_gradient(features, prompts[response], tokens[response], theta, weights, gradient)
        square = 0.0
        for j in range(len(theta)):
            gradient[j] /= size
            square += gradient[j] * gradient[j]
        factor = step_size / (damping + np.sqrt(square))
        for j in range(len(theta)):
            theta[j] += factor * gradient[j]
        _project(theta, radius)


@numba.njit
def _walk(features, prompt, tokens, theta, step_size, radius, weights):
    total = 0.0
    for h in range(len(tokens)):
        total += _token_weights(features[prompt, h], theta, tokens[h], weights)
        _add_combination(features[prompt, h], weights, step_size, theta)
        _project(theta, radius)
    return total


@numba.njit
def _token_sgd(features, prompts, tokens, theta, step_size, radius):
    weights = np.empty(features.shape[2])
    for response in range(len(tokens)):
        _walk(features, prompts[response], tokens[response], theta, step_size, radius, weights)


@numba.njit
def _test_time(features, prompts, tokens, trained, step_size, radius):
    weights = np.empty(features.shape[2])
    theta = np.empty(len(trained))
    log_probs = np.empty(len(tokens))
    for response in range(len(tokens)):
        theta[:] = trained
        log_probs[response] = _walk(features, prompts[response], tokens[response], theta, step_size, radius, weights)
    return log_probs


def _theta_after(kernel: Callable[..., None], problem: Problem, *more: float) -> Callable[[], np.ndarray]:
    def run() -> np.ndarray:
        theta = problem.theta.copy()
        kernel(problem.features, problem.prompts, problem.tokens, theta, problem.step_size, problem.radius, *more)
        return theta

    return run


def sequenceSgd(problem: Problem) -> Callable[[], np.ndarray]:
    return _theta_after(_sequence_sgd, problem)


def normalizedSgd(problem: Problem) -> Callable[[], np.ndarray]:
    return _theta_after(_normalized_sgd, problem, problem.batch_size, problem.damping)


def tokenSgd(problem: Problem) -> Callable[[], np.ndarray]:
    return _theta_after(_token_sgd, problem)


def testTime(problem: Problem) -> Callable[[], np.ndarray]:
    return lambda: _test_time(
        problem.features, problem.prompts, problem.tokens, problem.theta, problem.step_size, problem.radius
    )
