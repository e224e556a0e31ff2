"""What TFMA measured of a model, on all users together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import metrics_for_slice_pb2


def is_of_whole_task(
    key: metrics_for_slice_pb2.MetricKey, tasks: Mapping[str, Sequence[str]]
) -> bool:
    """Whether a metric is a task's, and not that of one class among several.

    Args:
        key: Of the metric.
        tasks: Task -> names of its classes.
    """
    classes = len(tasks.get(key.output_name, ()))
    return classes > 0 and (classes == 2 or not key.sub_key.HasField("class_id"))


def overall_metrics(
    evaluation_uri: str, tasks: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """Metrics of the candidate on all users; not those of one class among several.

    Args:
        evaluation_uri: The Evaluator's output.
        tasks: Task -> names of its classes.

    Returns:
        Task -> name of the metric -> value; metrics that are undefined, such as the AUC of users of
        one class, are left out.
    """
    metrics: dict[str, dict[str, float]] = {task: {} for task in tasks}
    for each in tfma.load_metrics(evaluation_uri):
        if each.slice_key.single_slice_keys:
            continue
        for item in each.metric_keys_and_values:
            key = item.key
            is_other = key.is_diff or key.model_name == tfma.BASELINE_KEY
            value = item.value.double_value.value
            if not is_other and is_of_whole_task(key, tasks) and math.isfinite(value):
                metrics[key.output_name][key.name] = value
    return metrics
