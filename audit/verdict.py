"""Why a model was blessed, in words; `audit.refusal` has why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit.config import Gate


def sentences_for(
    gate: Gate, aucs: Mapping[str, float], compared: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """What was asked of a model and how it answered, a sentence for every rule that was passed.

    Args:
        gate: What is asked.
        aucs: Task -> TFMA's AUC; NaN where it is undefined.
        compared: As `audit.gate.compare_with_baseline` returns it.
    """
    found = []
    for task, needed in gate.min_auc.items():
        if aucs[task] >= needed:
            found.append(f"{task}: auc is {aucs[task]:.3f}, at least {needed} needed")
        if task in compared and compared[task]["passed"]:
            found.append(compared[task]["sentence"])
    return found
