"""Training of autoregressive linear models on dense table features, and evaluation with test-time training.

Which procedure with which package; the updates themselves are in `training_numpy`, `training_numba`, `training_jax`,
written to be read beside each other. Shapes: features [prompt, position, token, d], tokens [response, position].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Problem:
    """Inputs of one run."""

    features: np.ndarray
    prompts: np.ndarray
    tokens: np.ndarray
    theta: np.ndarray
    step_size: float
    radius: float
    batch_size: int
    damping: float


def _problem(task: dict[str, Any]) -> Problem:
    features = np.load(task["features"])
    return Problem(
        features=features,
        prompts=np.load(task["prompts"]).astype(np.int64),
        tokens=np.load(task["tokens"]).astype(np.int64),
        theta=np.load(task["theta"]) if task.get("theta") else np.zeros(features.shape[-1]),
        step_size=task["stepSize"],
        radius=task["radius"],
        batch_size=task.get("batchSize", 1),
        damping=task.get("damping", 0.0),
    )


def _by(package: str, name: str | None = None) -> Callable[[dict[str, Any]], Callable[[], Any]]:
    """The procedure of the task in `training_<package>`; the module is imported when it is first needed."""

    def factory(task: dict[str, Any]) -> Callable[[], Any]:
        import importlib

        module = importlib.import_module(f"training_{package}")
        return getattr(module, name or task["procedure"])(_problem(task))

    return factory


PACKAGES = ("numpy", "numba", "jax")
TRAINING = {package: _by(package) for package in PACKAGES}
TEST_TIME = {package: _by(package, "testTime") for package in PACKAGES}
