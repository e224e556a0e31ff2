"""From what `benchmarks.scale measure` wrote: the constants, and predicted against measured."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np

from pipeline.estimate.constants import FILE, STEPS, Constants, Growth, constants

_FITTED = 3
_MEMORY_OF = "ExampleGen"


def print_constants(lines: list[dict[str, Any]]) -> None:
    """Prints `pipeline/estimate/constants.json` with what was measured in it."""
    fitted = _sizes(lines)[:_FITTED]
    chosen = [line for line in lines if (line["users"], line["events"]) in fitted]
    content = json.loads(FILE.read_text(encoding="utf-8"))
    content["source"] = {
        "command": "python -m benchmarks.scale measure; python -m benchmarks.scale constants",
        "date": str(datetime.date.today()),
        "note": "; ".join(f"{users:,} users, {events:,} behaviours" for users, events in fitted),
    }
    content["cpu"] = {step: _growth(chosen, step, "cpu") for step in STEPS}
    left = ("ExampleGen", "Transform", "encoding", "shuffle")
    content["bytes"] = {step: _growth(chosen, step, "bytes") for step in left}
    largest = max(
        (line for line in chosen if line["step"] == _MEMORY_OF),
        key=lambda line: line["bucket_bytes"],
    )
    content["peak_bytes"] = largest["imports_bytes"]
    beside = largest["peak_bytes"] - largest["imports_bytes"]
    content["bucket_factor"]["value"] = round(beside / largest["bucket_bytes"], 2)
    content["training_cpu"] = _training(chosen, content["training_flops"]["value"])
    text = json.dumps(content, indent=2)
    Constants.model_validate_json(text)
    print(text)


def print_comparison(lines: list[dict[str, Any]]) -> None:
    """Prints predicted against measured, of the sizes that the constants are not of."""
    known = constants()
    print(f"{'users':>10}{'behaviours':>13}  {'':<24}{'predicted':>12}{'measured':>12}{'error':>8}")
    for users, events in _sizes(lines)[_FITTED:]:
        totals = [0.0, 0.0]
        for line in lines:
            if (line["users"], line["events"]) != (users, events):
                continue
            step = line["step"]
            if step in known.cpu:
                pair = known.cpu[step].at(users, events), line["cpu"]
                totals = [total + each for total, each in zip(totals, pair, strict=True)]
                _row(users, events, f"{step}, CPU s", *pair)
            if step in known.bytes:
                predicted = known.bytes[step].at(users, events)
                _row(users, events, f"{step}, MB", predicted / 1e6, line["bytes"] / 1e6)
            if step == "training":
                predicted = line["trained"] * _user_seconds(known, events / users, line)
                _row(users, events, "training steps, CPU s", predicted, line["cpu"])
        _row(users, events, "data steps, CPU s", *totals)


def _row(users: int, events: int, name: str, predicted: float, measured: float) -> None:
    error = predicted / measured - 1 if measured else float("nan")
    print(
        f"{users:>10,}{events:>13,}  {name:<24}{predicted:>12,.1f}{measured:>12,.1f}{error:>+8.0%}"
    )


def _sizes(lines: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """All sizes, in the order in which they were measured."""
    return list(dict.fromkeys((line["users"], line["events"]) for line in lines))


def _growth(lines: list[dict[str, Any]], step: str, key: str) -> dict[str, float]:
    """Solves for the three costs, of which none is below 0."""
    rows = [line for line in lines if line["step"] == step]
    sizes = np.array([[1.0, row["users"], row["events"]] for row in rows])
    seen = np.array([float(row[key]) for row in rows])
    found = _nonnegative(sizes, seen)
    return dict(zip(Growth.model_fields, (float(f"{each:.4g}") for each in found), strict=True))


def _nonnegative(sizes: np.ndarray, seen: np.ndarray) -> np.ndarray:
    from scipy.optimize import nnls

    scale = sizes.max(0)
    solution, _ = nnls(sizes / scale / seen[:, None], np.ones_like(seen))
    result: np.ndarray = solution / scale
    return result


def _training(lines: list[dict[str, Any]], flops: float) -> dict[str, float]:
    """What a user costs beside the products: fixed, and for a behaviour."""
    rows = [line for line in lines if line["step"] == "training"]
    behaviors = np.array([row["events"] / row["users"] for row in rows])
    beside = [
        row["cpu"] / row["trained"] - products(row["events"] / row["users"], row) / flops
        for row in rows
    ]
    sizes = np.stack([np.ones_like(behaviors), behaviors], axis=1)
    found = _nonnegative(sizes, np.maximum(beside, 1e-6))
    return {"start": float(f"{found[0]:.4g}"), "behavior": float(f"{found[1]:.4g}")}


def products(behaviors: float, line: dict[str, Any]) -> float:
    """Operations of a user's training step in the paper's configuration, as the estimate has it."""
    from trainer.encoder.config import EncoderConfig

    config = EncoderConfig()
    return (
        6 * config.dimension * config.hops * line["vocabulary"]
        + 12 * config.dimension**2 * behaviors / 2
    )


def _user_seconds(known: Constants, behaviors: float, line: dict[str, Any]) -> float:
    beside = known.training_cpu.at(1, behaviors)
    return products(behaviors, line) / known.training_flops.value + beside
