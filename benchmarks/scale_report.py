"""From what `benchmarks.scale measure` wrote: constants, and predicted against measured."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from pipeline.config import PipelineConfig
from pipeline.estimate.constants import constants
from pipeline.estimate.model import training_seconds

_FITTED = 3


def print_constants(lines: list[dict[str, Any]]) -> None:
    """Prints what a start, a user and a behaviour cost by the first three sizes of each step."""
    for step in dict.fromkeys(line["step"] for line in lines):
        rows = [line for line in lines if line["step"] == step][:_FITTED]
        for key in ("cpu", "bytes"):
            if len(rows) == _FITTED and key in rows[0]:
                print(step, key, json.dumps(_growth(rows, key)))


def print_comparison(lines: list[dict[str, Any]]) -> None:
    """Prints predicted against measured for all sizes of a step but the first three."""
    known = constants()
    print(f"{'users':>10}{'behaviours':>13}  {'':<24}{'predicted':>12}{'measured':>12}{'error':>8}")
    for step in dict.fromkeys(line["step"] for line in lines):
        for row in [line for line in lines if line["step"] == step][_FITTED:]:
            size = row["users"], row["events"]
            if step in known.cpu:
                _print(*size, f"{step}, CPU s", known.cpu[step].at(*size), row["cpu"])
            if step in known.bytes:
                _print(*size, f"{step}, MB", known.bytes[step].at(*size) / 1e6, row["bytes"] / 1e6)
    for row in [line for line in lines if line["step"] == "training"]:
        size = row["users"], row["events"]
        config = _config(row["vocabulary"])
        seconds = row["trained"] * training_seconds(config, size[1] / size[0], known)
        _print(*size, f"training, |V| {row['vocabulary']:,}", seconds, row["cpu"])


def _config(vocabulary: int) -> PipelineConfig:
    """What `measure` trains."""
    return PipelineConfig.model_validate(
        {
            "name": "scale",
            "data": {"events": "events.parquet", "labels": "labels.csv"},
            "tasks": {"parent": {}},
            "text": {"vocabulary_size": vocabulary},
        }
    )


def _print(users: int, events: int, name: str, predicted: float, measured: float) -> None:
    error = predicted / measured - 1
    size = f"{users:>10,}{events:>13,}"
    print(f"{size}  {name:<24}{predicted:>12,.1f}{measured:>12,.1f}{error:>+8.0%}")


def _growth(rows: list[dict[str, Any]], key: str) -> dict[str, float]:
    """Solves for the three costs, none of them below 0, with the same relative error for all."""
    from scipy.optimize import nnls

    seen = np.array([float(row[key]) for row in rows])
    sizes = np.array([[1.0, row["users"], row["events"]] for row in rows])
    scale = sizes.max(0)
    solution, _ = nnls(sizes / scale / seen[:, None], np.ones_like(seen))
    # Named as the fields of `Growth`.
    start, user, event = (float(f"{each:.4g}") for each in solution / scale)
    return {"start": start, "user": user, "event": event}
