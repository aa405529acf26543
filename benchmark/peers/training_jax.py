"""The updates in JAX: one compiled scan over all responses, in double precision, on the processor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from training import Problem

jax.config.update("jax_enable_x64", True)


def _project(theta, radius):
    norm = jnp.sqrt(theta @ theta)
    return jnp.where(norm > radius, theta * (radius / norm), theta)


def _weights(block, theta, tokens):
    """e_token - probabilities along the last axis, and the log-probabilities of the tokens."""
    log_probs = jax.nn.log_softmax(block @ theta, axis=-1)
    chosen = jax.nn.one_hot(tokens, log_probs.shape[-1], dtype=log_probs.dtype)
    return chosen - jnp.exp(log_probs), (chosen * log_probs).sum(axis=-1)


def _gradient(block, theta, tokens):
    weights, _ = _weights(block, theta, tokens)
    return jnp.einsum("hv,hvd->d", weights, block)


def _token_step(problem: Problem) -> Callable[..., Any]:
    def step(theta, block_and_token):
        block, token = block_and_token
        weights, log_prob = _weights(block, theta, token)
        return _project(theta + problem.step_size * (weights @ block), problem.radius), log_prob

    return step


def _scan(problem: Problem, step: Callable[..., Any], prompts: np.ndarray, tokens: np.ndarray) -> Callable[[], Any]:
    """The compiled scan of `step(features, theta, prompts, tokens)` over steps, started at the given theta."""
    features = jnp.asarray(problem.features)
    data = (jnp.asarray(prompts), jnp.asarray(tokens))
    theta = jnp.asarray(problem.theta)

    @jax.jit
    def compiled(features, theta, data):
        return lax.scan(lambda theta, one: step(features, theta, *one), theta, data)

    compiled(features, theta, data)[0].block_until_ready()
    return lambda: jax.block_until_ready(compiled(features, theta, data))


def sequenceSgd(problem: Problem) -> Callable[[], Any]:
    def step(features, theta, prompt, tokens):
        moved = theta + problem.step_size * _gradient(features[prompt], theta, tokens)
        return _project(moved, problem.radius), None

    run = _scan(problem, step, problem.prompts, problem.tokens)
    return lambda: run()[0]


def normalizedSgd(problem: Problem) -> Callable[[], Any]:
    size = problem.batch_size

    def step(features, theta, prompts, tokens):
        def add(total, one):
            prompt, of_one = one
            return total + _gradient(features[prompt], theta, of_one), None

        total, _ = lax.scan(add, jnp.zeros_like(theta), (prompts, tokens))
        mean = total / size
        moved = theta + mean * (problem.step_size / (problem.damping + jnp.sqrt(mean @ mean)))
        return _project(moved, problem.radius), None

    prompts = problem.prompts.reshape(-1, size)
    run = _scan(problem, step, prompts, problem.tokens.reshape(*prompts.shape, -1))
    return lambda: run()[0]


def tokenSgd(problem: Problem) -> Callable[[], Any]:
    walk = _token_step(problem)

    def step(features, theta, prompt, tokens):
        return lax.scan(walk, theta, (features[prompt], tokens))[0], None

    run = _scan(problem, step, problem.prompts, problem.tokens)
    return lambda: run()[0]


def testTime(problem: Problem) -> Callable[[], Any]:
    walk = _token_step(problem)

    def step(features, theta, prompt, tokens):
        _, log_probs = lax.scan(walk, theta, (features[prompt], tokens))
        return theta, log_probs.sum()

    run = _scan(problem, step, problem.prompts, problem.tokens)
    return lambda: run()[1]
