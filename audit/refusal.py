"""Why a model was refused, in words: what TFMA and the paired interval hold against it."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow_model_analysis as tfma

from audit.gate import read_comparison


class Reason(NamedTuple):
    """A threshold that a model missed.

    Attributes:
        task: Whose.
        sentence: What was missed, by how much, and which rule says so.
    """

    task: str
    sentence: str


def reasons_against(evaluation: str) -> list[Reason]:
    """Every threshold that was missed: TFMA's, and the paired interval.

    Args:
        evaluation: The Evaluator's output.
    """
    found = []
    for validation in tfma.load_validation_result(evaluation).metric_validations_per_slice:
        for failure in validation.failures:
            task = failure.metric_key.output_name
            name = failure.metric_key.name
            value = failure.metric_value.double_value.value
            threshold = failure.metric_threshold
            if failure.metric_key.is_diff:
                allowed = -threshold.change_threshold.absolute.value
                reason = (
                    f"{name} is {-value:.3f} below the last blessed model's, allowed {allowed}: "
                    "refused by the point difference"
                )
            else:
                needed = threshold.value_threshold.lower_bound.value
                reason = f"{name} is {value:.3f}, at least {needed} needed"
            found.append(Reason(task, f"{task}: {reason}"))
    named = {reason.task for reason in found if "last blessed" in reason.sentence}
    for task, compared in read_comparison(evaluation).items():
        if not compared["passed"] and task not in named:
            found.append(Reason(task, compared["sentence"]))
    return found
