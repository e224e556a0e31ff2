"""The examples in the docstrings: what can run is run, and gives what it says."""

import doctest
import importlib
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

_ROOT = pathlib.Path(__file__).parents[2]
_ROOMS = (
    *("audit", "benchmarks", "components", "contract", "experiments", "ingestion", "kubeflow"),
    *("pipeline", "serving", "trainer"),
)
# Names that examples take for known; all others they import.
_KNOWN = {"keras": keras, "np": np, "tf": tf}


def _modules_with_examples():
    for room in _ROOMS:
        for path in sorted((_ROOT / room).rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                parts = path.relative_to(_ROOT).with_suffix("").parts
                yield ".".join(parts).removesuffix(".__init__")


def test_modules_with_examples_are_found():
    assert {"contract.features", "trainer.encoder.model"} <= set(_modules_with_examples())


@pytest.mark.parametrize("name", _modules_with_examples())
def test_examples_give_what_they_say(name, tmp_path, monkeypatch):
    # Some examples write files.
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(importlib.import_module(name), extraglobs=_KNOWN)
    assert results.failed == 0
