"""The evaluation of a model as TFMA's EvalConfig: metrics, slices and thresholds."""

from __future__ import annotations

from collections.abc import Mapping

from tensorflow_model_analysis.proto import config_pb2

from audit.config import Gate
from contract.features import ACTIVITY, weight_name
from contract.signatures import SERVING_DEFAULT
from ingestion.config import Task
from pipeline.config import EvaluationConfig


def eval_config(evaluation: EvaluationConfig, tasks: Mapping[str, Task]) -> config_pb2.EvalConfig:
    """Builds the configuration of the Evaluator.

    Every task is compared with its own label and weight (a weight of 0 marks a missing label).
    AUC and calibration of a binary task are those of its second class, of a task with more
    classes the macro average of one class against the rest. Thresholds hold for all users
    together; the slices by activity are for information.

    Args:
        evaluation: thresholds.
        tasks: The tasks by name.

    Returns:
        The configuration. It names the candidate model only; TFX adds the baseline if there is one.
    """
    specs = []
    # The paired interval is not TFMA's: the Evaluator's executor looks at it afterwards.
    by_point = evaluation.max_auc_drop if evaluation.comparison == "point" else None
    for name, task in tasks.items():
        specs += _metrics(name, task, evaluation.min_auc_of(name), by_point)
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                signature_name=SERVING_DEFAULT,
                label_keys={name: name for name in tasks},
                example_weight_keys={name: weight_name(name) for name in tasks},
            )
        ],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            config_pb2.SlicingSpec(feature_keys=[ACTIVITY]),
        ],
        metrics_specs=specs,
    )


def gate(evaluation: EvaluationConfig, tasks: Mapping[str, Task]) -> Gate:
    """What is asked of a model, task by task."""
    return Gate(
        classes={name: task.classes for name, task in tasks.items()},
        min_auc={name: evaluation.min_auc_of(name) for name in tasks},
        max_auc_drop=evaluation.max_auc_drop,
        comparison=evaluation.comparison,
        level=evaluation.comparison_level,
    )


def _metrics(
    name: str, task: Task, min_auc: float, max_auc_drop: float | None
) -> list[config_pb2.MetricsSpec]:
    """The metrics of one task; only the AUC of the whole task has thresholds."""
    classes = len(task.classes)
    whole = config_pb2.MetricsSpec(
        output_names=[name],
        metrics=[
            config_pb2.MetricConfig(
                class_name="AUC", per_slice_thresholds=[_overall(min_auc, max_auc_drop)]
            ),
            config_pb2.MetricConfig(class_name="Calibration"),
        ],
    )
    specs = [
        whole,
        config_pb2.MetricsSpec(
            output_names=[name],
            metrics=[
                config_pb2.MetricConfig(class_name="SparseCategoricalAccuracy"),
                config_pb2.MetricConfig(class_name="ExampleCount"),
            ],
        ),
    ]
    if classes == 2:
        whole.binarize.class_ids.values.append(1)
    else:
        whole.aggregate.macro_average = True
        each = config_pb2.MetricsSpec(
            output_names=[name], metrics=[config_pb2.MetricConfig(class_name="AUC")]
        )
        for index in range(classes):
            whole.aggregate.class_weights[index] = 1.0
            each.binarize.class_ids.values.append(index)
        specs.append(each)
    return specs


def _overall(min_auc: float, max_auc_drop: float | None) -> config_pb2.PerSliceMetricThreshold:
    """The thresholds, on the overall slice alone."""
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": min_auc})
    )
    if max_auc_drop is not None:
        threshold.change_threshold.CopyFrom(
            config_pb2.GenericChangeThreshold(
                direction=config_pb2.MetricDirection.HIGHER_IS_BETTER,
                absolute={"value": -max_auc_drop},
            )
        )
    return config_pb2.PerSliceMetricThreshold(
        slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold
    )
