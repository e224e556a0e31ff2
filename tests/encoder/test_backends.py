"""Runs the tests of everything that is backend-neutral on a second backend."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

FILES = [
    "test_embedding_bag.py",
    "test_layers.py",
    "test_losses.py",
    "test_model.py",
    "test_normalizer.py",
    "test_optimizer.py",
    "test_time_features.py",
    "test_event_layers.py",
]


@pytest.mark.slow
@pytest.mark.one_stack
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed.")
def test_on_jax():
    folder = pathlib.Path(__file__).parent
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        + [str(folder / name) for name in FILES],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        cwd=folder.parents[1],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
