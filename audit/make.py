"""Makes the audit of one evaluated model: everything that its folder holds."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from tfx.dsl.io import fileio

from audit.config import AuditConfig, Gate
from audit.data_section import data_section
from audit.gate import read_comparison
from audit.keys import fingerprint, read_private_key
from audit.origin import code_section, hardware_section, software_section
from audit.page.page import render_page, write_page
from audit.permutation import permutation_check
from audit.predictions import PREDICTIONS_FILE, Predictions, read_predictions, write_predictions
from audit.record import SCHEMA_VERSION, write_record
from audit.signature import SIGNATURE_FILE, sign
from audit.statement import STATEMENT_FILE, write_statement
from audit.task_section import SEED, task_section
from audit.vectors_file import VECTORS_FILE, read_vectors, write_vectors
from audit.vectors_section import vectors_section
from audit.verdict import sentences_for
from ingestion.report import REPORT_FILE
from serving.releases.model_digest import digest_of, file_digests


class Sources(NamedTuple):
    """What is audited, and where it is.

    Attributes:
        pipeline: Name of the pipeline.
        model: Folder of the SavedModel.
        baseline: Path of the last blessed model; "" without one.
        evaluation: The Evaluator's output.
        labelled_examples: Folder of the labelled examples, with the ingestion's report.
        checks: What else was looked at, see `audit.checks`.
        metrics: What TFMA measured: task -> metric -> value, of all users together.
        blessed: Whether the Evaluator blessed the model.
        reasons_against: Why it did not, a sentence each.
        configuration: Of the pipeline.
        code_digests: Component -> digest of its code.
        image: Of the steps' containers; None without such.
        training: See `audit.training_section`.
        created_at: ISO 8601, UTC.
        compatibility: See `audit.compatibility`; None where there is nothing to say.
    """

    pipeline: str
    model: str
    baseline: str
    evaluation: str
    labelled_examples: str
    checks: Sequence[Mapping[str, Any]]
    metrics: Mapping[str, Mapping[str, float]]
    blessed: bool
    reasons_against: Sequence[str]
    configuration: Mapping[str, Any]
    code_digests: Mapping[str, str]
    image: str | None
    training: Mapping[str, Any]
    created_at: str
    compatibility: Mapping[str, Any] | None = None


def make_audit(
    sources: Sources,
    gate: Gate,
    config: AuditConfig,
    groups: Mapping[str, Mapping[str, str]],
    folder: str,
) -> dict[str, Any]:
    """Writes the audit of one model.

    Args:
        sources: What is audited.
        gate: What was asked of the model.
        config: What the configuration says of it.
        groups: Column of the labels -> pseudonym -> value, for the slices beside the activity.
        folder: To write to.

    Returns:
        The record.

    Raises:
        KeyFileError: The audit is to be signed, and the key cannot be used.
    """
    key = read_private_key(config.signing_key) if config.signing_key else None
    fileio.makedirs(folder)
    predictions = _with_groups(
        read_predictions(os.path.join(sources.evaluation, PREDICTIONS_FILE)), groups
    )
    write_predictions(predictions, os.path.join(folder, PREDICTIONS_FILE))
    vectors = read_vectors(os.path.join(sources.evaluation, VECTORS_FILE))
    write_vectors(vectors, os.path.join(folder, VECTORS_FILE))
    record = _record(sources, gate, config, predictions)
    record["vectors"] = vectors_section(vectors)
    record["checks"] = [*sources.checks, permutation_check(predictions)]
    record["signature"] = fingerprint(key.public_key()) if key else None
    write_record(record, folder)
    write_page(render_page(record, predictions, vectors), folder)
    # What an attempt before this one left is no part of it.
    names = {*fileio.listdir(folder)} - {STATEMENT_FILE, SIGNATURE_FILE}
    write_statement(folder, sorted(names), record)
    if key:
        sign(folder, key)
    return record


def _with_groups(predictions: Predictions, groups: Mapping[str, Mapping[str, str]]) -> Predictions:
    columns = {
        column: np.array([value_of.get(user, "") for user in predictions.users.tolist()])
        for column, value_of in groups.items()
    }
    return dataclasses.replace(predictions, groups={**predictions.groups, **columns})


def _record(
    sources: Sources, gate: Gate, config: AuditConfig, predictions: Predictions
) -> dict[str, Any]:
    compared = read_comparison(sources.evaluation)
    files = file_digests(sources.model)
    with fileio.open(os.path.join(sources.labelled_examples, REPORT_FILE)) as file:
        report = json.load(file)
    tasks = {}
    for task, classes in gate.classes.items():
        tasks[task] = {
            **task_section(predictions, task, classes, level=gate.level),
            "tfma": dict(sources.metrics[task]),
            "min_auc": gate.min_auc[task],
            "baseline": compared.get(task),
        }
    return {
        "schema_version": SCHEMA_VERSION,
        "created_at": sources.created_at,
        "pipeline": sources.pipeline,
        "subject": {
            "intended_use": config.intended_use,
            "limits": list(config.limits),
            "owner": config.owner,
        },
        "verdict": {
            "blessed": sources.blessed,
            "reasons_against": list(sources.reasons_against),
            "reasons_for": sentences_for(
                gate,
                {task: each.get("auc", math.nan) for task, each in sources.metrics.items()},
                compared,
            ),
        },
        "gate": gate.model_dump(mode="json"),
        "model": {"path": sources.model, "digest": digest_of(files), "files": files},
        "baseline": _baseline(sources.baseline),
        "evaluation": {
            "users": len(predictions.users),
            "source": sources.labelled_examples,
            "bootstrap_seed": SEED,
            "level": gate.level,
            "secret_pseudonyms": config.user_key_env is not None,
            "user_key_env": config.user_key_env,
        },
        "tasks": tasks,
        "data": data_section(report),
        "code": {**code_section(), "digests": dict(sources.code_digests), "image": sources.image},
        "training": dict(sources.training),
        "compatibility": sources.compatibility,
        "software": software_section(),
        "hardware": hardware_section(),
        "configuration": dict(sources.configuration),
    }


def _baseline(path: str) -> dict[str, Any] | None:
    if not path:
        return None
    return {"path": path, "digest": digest_of(file_digests(path))}
