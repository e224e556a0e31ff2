"""Level 1: every figure, the comparison and the verdict follow from predictions.parquet."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from audit.config import Gate
from audit.gate import compare_with_baseline
from audit.predictions import PREDICTIONS_FILE, Predictions, read_predictions
from audit.record import RECORD_FILE
from audit.task_section import task_section
from audit.verify.finding import BROKEN, HOLDS, Finding

_TOLERANCE = 1e-6
_TFMA_TOLERANCE = 2e-3
"""TFMA sums an AUC over 10,000 thresholds."""


def check_figures(folder: str, record: Mapping[str, Any]) -> Iterator[Finding]:
    """Computes everything again.

    Args:
        folder: Of the audit.
        record: That keeps to the schema.

    Yields:
        The findings.
    """
    try:
        predictions = read_predictions(os.path.join(folder, PREDICTIONS_FILE))
    except (OSError, KeyError, pa.ArrowException) as error:
        yield Finding(1, BROKEN, f"{PREDICTIONS_FILE} cannot be read: {error}")
        return
    gate = Gate.model_validate(record["gate"])
    missing = [task for task in gate.classes if task not in predictions.scores]
    if missing or record["tasks"].keys() != gate.classes.keys():
        yield Finding(1, BROKEN, f"{RECORD_FILE} and {PREDICTIONS_FILE} have other tasks")
        return
    yield from _tasks(predictions, record, gate)
    yield from _gate(record, gate)


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Names what differs between two JSON values, numbers by more than 1e-6.

    >>> list(differences({"a": [1, 2]}, {"a": [1, 3], "b": 0}))
    ['a.1: 3, not 2', 'b: 0, not None']
    """
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for key in {**ours, **theirs}:
            below = f"{path}.{key}" if path else str(key)
            yield from differences(ours.get(key), theirs.get(key), below)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{path}.{place}")
    elif _is_number(ours) and _is_number(theirs):
        if not math.isclose(ours, theirs, abs_tol=_TOLERANCE):
            yield f"{path}: {theirs:g}, not {ours:g}"
    elif ours != theirs:
        yield f"{path}: {theirs}, not {ours}"


def _tasks(predictions: Predictions, record: Mapping[str, Any], gate: Gate) -> Iterator[Finding]:
    compared = compare_with_baseline(predictions, gate)
    for task, classes in gate.classes.items():
        section = task_section(predictions, task, classes, level=record["evaluation"]["level"])
        expected = {**section, "min_auc": gate.min_auc[task], "baseline": compared.get(task)}
        given = {key: record["tasks"][task].get(key) for key in expected}
        wrong = list(differences(json.loads(json.dumps(expected)), given))
        for each in wrong[:5]:
            yield Finding(1, BROKEN, f"tasks.{task}.{each} as {PREDICTIONS_FILE} gives it")
        if len(wrong) > 5:
            yield Finding(1, BROKEN, f"tasks.{task}: {len(wrong) - 5} more figures differ")
        auc, tfma = section["auc"], record["tasks"][task]["tfma"].get("auc")
        if auc and tfma is not None and abs(auc["value"] - tfma) > _TFMA_TOLERANCE:
            yield Finding(1, BROKEN, f"tasks.{task}.tfma.auc: {tfma:.4f}, not {auc['value']:.4f}")
        elif not wrong:
            yield Finding(1, HOLDS, f"{task}: all figures follow from {PREDICTIONS_FILE}")


def _gate(record: Mapping[str, Any], gate: Gate) -> Iterator[Finding]:
    """Whether what was asked is what the configuration asks, and the verdict follows from it."""
    asked = record["configuration"].get("evaluation", {})
    for key, value in (
        *(
            (f"min_auc.{task}", _min_auc(asked.get("min_auc"), task, needed))
            for task, needed in gate.min_auc.items()
        ),
        ("max_auc_drop", asked.get("max_auc_drop", gate.max_auc_drop)),
        ("comparison", asked.get("comparison", gate.comparison)),
        ("level", asked.get("comparison_level", gate.level)),
    ):
        name, _, task = key.partition(".")
        given = gate.model_dump()[name]
        given = given[task] if task else given
        if given != value:
            yield Finding(1, BROKEN, f"gate.{key} is {given}, but the configuration says {value}")
    missed = [
        task
        for task, section in record["tasks"].items()
        if section["tfma"].get("auc", 0.0) < gate.min_auc[task]
        or (section["baseline"] and not section["baseline"]["passed"])
    ]
    if bool(missed) == record["verdict"]["blessed"]:
        yield Finding(
            1,
            BROKEN,
            "the verdict does not follow: "
            + (f"{', '.join(missed)} missed what was asked" if missed else "no task missed it"),
        )
    else:
        yield Finding(1, HOLDS, "the verdict follows from the figures and what was asked")


def _min_auc(asked: Any, task: str, needed: float) -> float:
    """What the configuration asks of one task; `needed` where it does not say."""
    if isinstance(asked, Mapping):
        return float(asked.get(task, 0.5))
    return needed if asked is None else float(asked)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
