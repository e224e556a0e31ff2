"""The outcome of a run in a few numbers, from ML Metadata and TFMA's files."""

from __future__ import annotations

import math
from typing import Any

import tensorflow_model_analysis as tfma

from audit.refusal import reasons_against
from contract.features import ACTIVITY
from pipeline.config import PipelineConfig
from serving.releases.evaluation_metrics import is_of_whole_task


def summarize(
    config: PipelineConfig, evaluation, pushed, served_before: str | None
) -> dict[str, Any]:
    """Collects what the user wants to know at the end of a run.

    Args:
        config: The pipeline's configuration.
        evaluation: Result of the Evaluator: artifacts `ModelEvaluation` and `ModelBlessing`.
        pushed: Result of the Pusher: artifact `PushedModel`.
        served_before: Path of the newest version before this run; None if there was none.

    Returns:
        JSON object: `pushed` (whether the model was blessed and is served), `new_version` (whether
        this run pushed it), `model` (path of the served version), `metrics` (path of TFMA's files),
        `tasks` (per task: `min_auc`, `blessed`, TFMA's metrics of all users by their names,
        `baseline_auc` if there is a baseline, `activity`: the metrics by group), `reasons` (why it
        was not blessed). A metric that is undefined, such as the AUC of users of one class, is
        None: NaN is no JSON.
    """
    artifacts = {artifact.type: artifact for artifact in evaluation.artifacts}
    path = artifacts["ModelEvaluation"].uri
    (model,) = pushed.artifacts
    failures = reasons_against(path)
    missed = {task for task, _ in failures}
    tasks: dict[str, dict[str, Any]] = {
        name: {
            "min_auc": config.evaluation.min_auc_of(name),
            "blessed": name not in missed,
            ACTIVITY: {},
        }
        for name in config.tasks
    }
    classes = {name: task.classes for name, task in config.tasks.items()}
    for metrics in tfma.load_metrics(path):
        group = ", ".join(part.bytes_value.decode() for part in metrics.slice_key.single_slice_keys)
        for item in metrics.metric_keys_and_values:
            key, value = item.key, _defined(item.value.double_value.value)
            if key.is_diff or not is_of_whole_task(key, classes):
                continue
            task = tasks[key.output_name]
            if key.model_name == tfma.BASELINE_KEY:
                if key.name == "auc" and not group:
                    task["baseline_auc"] = value
            elif group:
                task[ACTIVITY].setdefault(group, {})[key.name] = value
            else:
                task[key.name] = value
    is_pushed = model.custom_properties["pushed"].int_value == 1
    destination = model.custom_properties["pushed_destination"].string_value or None
    return {
        "pipeline": config.name,
        "pushed": is_pushed,
        "new_version": is_pushed and destination != served_before,
        "model": destination,
        "metrics": path,
        "tasks": tasks,
        "reasons": [reason.sentence for reason in failures],
    }


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None
