"""What changed from one audit to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy.spatial.distance import jensenshannon

from audit.predictions import Predictions
from audit.statistics.task_metrics import compare_models

_MIN_CLASS_USERS = 2


def compare_audits(
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    first_predictions: Predictions,
    second_predictions: Predictions,
) -> dict[str, Any]:
    """Compares two audits.

    Args:
        first: Record of the one.
        second: Record of the other.
        first_predictions: Of the one.
        second_predictions: Of the other.

    Returns:
        JSON object: `data`, `code`, `configuration`: changes, a sentence each; `common_users`, how
        many were evaluated in both; `tasks`, of both: `auc` (the second's less the first's on the
        common users, paired; None if that is undefined), `class_drift` (Jensen-Shannon divergence
        of the labels, in bits), `flipped` (common users whose likeliest class is another one).
    """
    common, ours, theirs = np.intersect1d(
        first_predictions.users, second_predictions.users, return_indices=True
    )
    tasks = {}
    for task, section in first["tasks"].items():
        other = second["tasks"].get(task)
        if other is None or other["classes"] != section["classes"]:
            continue
        scores = first_predictions.scores[task][ours], second_predictions.scores[task][theirs]
        labels = second_predictions.labels[task][theirs]
        tasks[task] = {
            "auc": _auc(scores[1], scores[0], labels, len(section["classes"])),
            "class_drift": _divergence(section["class_users"], other["class_users"]),
            "flipped": _flipped(common, *scores, section["classes"]),
        }
    return {
        "data": list(_data(first["data"], second["data"])),
        "code": list(_code(first, second)),
        "configuration": list(_changes(first["configuration"], second["configuration"])),
        "common_users": len(common),
        "tasks": tasks,
    }


def _auc(
    scores: np.ndarray, others: np.ndarray, labels: np.ndarray, classes: int
) -> dict[str, Any] | None:
    known = labels >= 0
    users = np.bincount(labels[known], minlength=classes)
    if users.min() < _MIN_CLASS_USERS:
        return None
    compared = compare_models(scores[known], others[known], labels[known])
    difference = compared.difference
    return {
        "difference": difference.value,
        "low": difference.low,
        "high": difference.high,
        "p_value": compared.p_value,
    }


def _divergence(first: list[int], second: list[int]) -> float:
    """Of two distributions, 0 to 1."""
    if not sum(first) or not sum(second):
        return 0.0
    return float(jensenshannon(first, second, base=2) ** 2)


def _flipped(
    users: np.ndarray, first: np.ndarray, second: np.ndarray, classes: list[str]
) -> list[dict[str, str]]:
    before, after = first.argmax(axis=1), second.argmax(axis=1)
    return [
        {
            "user": str(users[place]),
            "first": classes[before[place]],
            "second": classes[after[place]],
        }
        for place in np.flatnonzero(before != after)
    ]


def _data(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[str]:
    ours, theirs = ({file["path"]: file for file in each["files"]} for each in (first, second))
    for path in {**ours, **theirs}:
        if path not in theirs:
            yield f"{path} is not read any more"
        elif path not in ours:
            yield f"{path} is new, {theirs[path]['records']:,} lines"
        elif ours[path]["content"] != theirs[path]["content"]:
            lines = f"{ours[path]['records']:,} to {theirs[path]['records']:,} lines"
            yield f"{path} has another content, {lines}"
    for key in ("users", "labelled_users", "earliest", "latest"):
        if first[key] != second[key]:
            yield f"{key.replace('_', ' ')}: {first[key]} to {second[key]}"


def _code(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[str]:
    for key in ("commit", "dirty", "lock_sha256"):
        if first["code"][key] != second["code"][key]:
            yield f"{key}: {first['code'][key]} to {second['code'][key]}"
    ours, theirs = first["code"]["digests"], second["code"]["digests"]
    for component in {**ours, **theirs}:
        if ours.get(component) != theirs.get(component):
            yield f"code of {component} changed"
    for package in {**first["software"], **second["software"]}:
        versions = first["software"].get(package), second["software"].get(package)
        if versions[0] != versions[1]:
            yield f"{package}: {versions[0]} to {versions[1]}"


def _changes(first: Any, second: Any, path: str = "") -> Iterator[str]:
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in {**first, **second}:
            below = f"{path}.{key}" if path else str(key)
            yield from _changes(first.get(key), second.get(key), below)
    elif first != second:
        yield f"{path}: {first} to {second}"
