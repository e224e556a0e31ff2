"""The Evaluator's configuration."""

import pytest

from ingestion.config import Task
from pipeline.config import EvaluationConfig
from pipeline.evaluation import eval_config

_TASKS = {"likes": Task(), "age": Task(classes=("a", "b", "c"))}


def _thresholds(evaluation):
    """Output name to its AUC threshold."""
    found = {}
    for spec in eval_config(evaluation, _TASKS).metrics_specs:
        for metric in spec.metrics:
            for threshold in metric.per_slice_thresholds:
                assert metric.class_name == "AUC"
                assert [len(s.feature_keys) for s in threshold.slicing_specs] == [0]
                (name,) = spec.output_names
                assert name not in found
                found[name] = threshold.threshold
    return found


def test_every_task_has_one_threshold_on_all_users_together():
    thresholds = _thresholds(
        EvaluationConfig(min_auc={"age": 0.7}, max_auc_drop=0.1, comparison="point")
    )
    assert thresholds["age"].value_threshold.lower_bound.value == 0.7
    assert thresholds["likes"].value_threshold.lower_bound.value == 0.5
    for threshold in thresholds.values():
        assert threshold.change_threshold.absolute.value == -0.1


@pytest.mark.parametrize(
    "evaluation",
    [
        EvaluationConfig(max_auc_drop=None, comparison="point"),
        # By the interval, it is not TFMA that compares.
        EvaluationConfig(max_auc_drop=0.02),
    ],
)
def test_no_comparison_with_the_last_blessed_model(evaluation):
    for threshold in _thresholds(evaluation).values():
        assert not threshold.HasField("change_threshold")


def test_every_task_has_its_own_label_and_weight():
    (model,) = eval_config(EvaluationConfig(), _TASKS).model_specs
    assert dict(model.label_keys) == {"likes": "likes", "age": "age"}
    assert dict(model.example_weight_keys) == {"likes": "likes_weight", "age": "age_weight"}


def test_a_task_with_many_classes_is_averaged_over_all_of_them():
    averaged = [
        spec
        for spec in eval_config(EvaluationConfig(), _TASKS).metrics_specs
        if spec.aggregate.macro_average
    ]
    assert [list(spec.output_names) for spec in averaged] == [["age"]]
    assert dict(averaged[0].aggregate.class_weights) == {0: 1.0, 1: 1.0, 2: 1.0}
