"""A model card as the Hugging Face Hub shows it: metadata, then the audit in Markdown."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

_METRICS = {"auc": "AUC", "accuracy": "accuracy", "brier": "Brier score"}

_TEMPLATE = pathlib.Path(__file__).with_name("model_card.md.jinja")


def write(record: Mapping[str, Any], folder: str, output: str) -> None:
    """Writes the card.

    Args:
        record: Of the audit.
        folder: Of the audit.
        output: Markdown file, the `README.md` of a repository of the Hub.
    """
    del folder
    results = [
        EvalResult(
            task_type="tabular-classification",
            dataset_type="private",
            dataset_name=f"{record['pipeline']}, users held out",
            metric_type=metric,
            metric_name=f"{label}, {task}",
            metric_value=section[metric]["value"],
        )
        for task, section in record["tasks"].items()
        for metric, label in _METRICS.items()
        if section[metric]
    ]
    data = ModelCardData(
        model_name=record["pipeline"],
        library_name="keras",
        tags=["user-representations", "behaviour-logs"],
        eval_results=results,
    )
    card = ModelCard.from_template(
        data, template_str=_TEMPLATE.read_text(encoding="utf-8"), record=record, show=_show
    )
    card.save(output)


def _show(estimate: Mapping[str, Any] | None) -> str:
    if estimate is None:
        return "undefined"
    return f"{estimate['value']:.3f} ({estimate['low']:.3f} to {estimate['high']:.3f})"
