"""A run of MLflow: configuration as parameters, figures as metrics, the audit as artifacts."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Mapping
from typing import Any

from mlflow.tracking import MlflowClient

from audit.page.page import PAGE_FILE
from audit.record import RECORD_FILE
from audit.signature import SIGNATURE_FILE
from audit.statement import STATEMENT_FILE
from contract.errors import UserError

_FIGURES = ("auc", "accuracy", "brier", "calibration_error")
_FILES = (RECORD_FILE, PAGE_FILE, STATEMENT_FILE, SIGNATURE_FILE)


class ExportedAlreadyError(UserError):
    """There is a run of this audit."""


def write(record: Mapping[str, Any], folder: str, output: str) -> None:
    """Logs a run to the experiment of the pipeline's name.

    Args:
        record: Of the audit.
        folder: Of the audit.
        output: Tracking URI, or the folder of a file store, `mlruns`.

    Raises:
        ExportedAlreadyError: The audit is there already.
    """
    if "://" not in output:
        # From 3 on a file store has to be asked for.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        output = f"file://{output}"
    client = MlflowClient(output)
    experiment = client.get_experiment_by_name(record["pipeline"])
    number = (
        experiment.experiment_id if experiment else client.create_experiment(record["pipeline"])
    )
    name = f"{record['created_at']} {record['model']['digest'][:16]}"
    for run in client.search_runs([number], f"tags.`mlflow.runName` = '{name}'"):
        raise ExportedAlreadyError(
            f"{output} has a run of this audit already: {run.info.run_id}. Delete that one first."
        )
    made = int(datetime.datetime.fromisoformat(record["created_at"]).timestamp() * 1000)
    tags = {
        "audit.verdict": "blessed" if record["verdict"]["blessed"] else "refused",
        "audit.model_digest": record["model"]["digest"],
        "audit.signed_by": record["signature"] or "nobody",
        "mlflow.note.content": record["subject"]["intended_use"],
        "mlflow.source.git.commit": record["code"]["commit"] or "unknown",
    }
    run = client.create_run(number, start_time=made, tags=tags, run_name=name).info.run_id
    for key, value in _leaves(record["configuration"]):
        client.log_param(run, key, value)
    for task, section in record["tasks"].items():
        for figure in _FIGURES:
            for part in ("value", "low", "high") if section[figure] else ():
                suffix = "" if part == "value" else f".{part}"
                client.log_metric(run, f"{task}.{figure}{suffix}", section[figure][part], made)
    for file in _FILES:
        path = os.path.join(folder, file)
        if os.path.exists(path):
            client.log_artifact(run, path, "audit")
    client.set_terminated(run, end_time=made)


def _leaves(values: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every value of nested JSON, by its path."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, str(values)
