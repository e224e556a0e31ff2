"""How far the inputs have drifted since the last blessed model, by TFDV's statistics."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Mapping
from typing import Any

import tensorflow_data_validation as tfdv
from tfx.dsl.io import fileio

from audit.record import RECORD_FILE, STATISTICS_FILE
from contract.features import USER_ID
from serving.releases.model_digest import model_digest
from serving.releases.releases import AUDIT_FOLDER

WARN_ABOVE = 0.1
"""Jensen-Shannon divergence, in bits, that is called drift."""

_NAME = "The inputs are those of the last blessed model"


def keep_statistics(source: str, folder: str) -> str:
    """Copies statistics into an audit's folder; returns their path."""
    path = os.path.join(folder, STATISTICS_FILE)
    fileio.copy(source, path, overwrite=True)
    return path


def drift_check(statistics: str, before: str | None) -> dict[str, Any]:
    """Compares the inputs' distributions, feature by feature.

    Args:
        statistics: Path of TFDV's statistics, of now.
        before: Path of those of the last blessed model; None: there are none.

    Returns:
        As of `audit.checks.data_checks`.
    """
    if before is None:
        evidence = "there is no audit of a last blessed model to compare with"
        return {"name": _NAME, "holds": None, "evidence": evidence}
    divergences = measure_drift(statistics, before)
    return {
        "name": _NAME,
        "holds": all(value <= WARN_ABOVE for value in divergences.values()),
        "evidence": "Jensen-Shannon divergence: "
        + ", ".join(f"{name} {value:.3f}" for name, value in divergences.items())
        + f"; above {WARN_ABOVE} is called drift",
    }


def measure_drift(statistics: str, before: str) -> Mapping[str, float]:
    """The Jensen-Shannon divergence of every feature but the user's id.

    Args:
        statistics: Path of TFDV's statistics.
        before: Path of those that they are compared with.
    """
    now, earlier = (tfdv.load_stats_binary(path) for path in (statistics, before))
    schema = tfdv.infer_schema(earlier, infer_feature_shape=False)
    for feature in schema.feature:
        if feature.name != USER_ID:
            feature.drift_comparator.jensen_shannon_divergence.threshold = 0.0
    found = tfdv.validate_statistics(now, schema, previous_statistics=earlier)
    return {
        info.path.step[0]: measurement.value
        for info in found.drift_skew_info
        for measurement in info.drift_measurements
    }


def earlier_statistics(folder: str, model: str) -> str | None:
    """The statistics in the audit of another model.

    Args:
        folder: Of the audit that is made; that of the other model may lie beside it.
        model: Folder of the other model; a pushed version carries them.

    Returns:
        Their path; None if there are none.
    """
    carried = os.path.join(model, AUDIT_FOLDER, STATISTICS_FILE)
    if fileio.exists(carried):
        return carried
    digest = model_digest(model)
    beside = os.path.join(glob.escape(os.path.dirname(folder.rstrip("/"))), "*", RECORD_FILE)
    for record in sorted(fileio.glob(beside), reverse=True):
        with fileio.open(record) as file:
            audited = json.load(file)["model"]["digest"]
        path = os.path.join(os.path.dirname(record), STATISTICS_FILE)
        if audited == digest and fileio.exists(path):
            return path
    return None
