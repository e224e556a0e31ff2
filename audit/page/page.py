"""The page, made of the record and what lies beside it, and of nothing else."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jinja2
import markupsafe
import numpy as np
from tfx.dsl.io import fileio

from audit.page.figures import (
    activity_figure,
    auc_figure,
    reliability_figure,
    training_figure,
    users_figure,
)
from audit.predictions import Predictions
from audit.scoring import PROBES, Vectors

PAGE_FILE = "report.html"

_TEMPLATE = pathlib.Path(__file__).with_name("page.html.jinja")
_DRAWN_USERS = 400


def render_page(record: Mapping[str, Any], predictions: Predictions, vectors: Vectors) -> str:
    """Returns the page; the same arguments give the same text.

    Args:
        record: Of the audit.
        predictions: Of the audit.
        vectors: Of the evaluation's probe users.
    """
    tasks = record["tasks"]
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "figure": _number,
        "interval": _interval,
        "share": _share,
        "count": _count,
        "dimensions": _dimensions,
    }
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    figures = {
        "auc": auc_figure(tasks),
        "reliability": reliability_figure(tasks),
        "by_activity": activity_figure(tasks),
        "users": _users(record, predictions, vectors),
        "training": training_figure(record["training"]),
    }
    return template.render(
        record=record,
        tasks=tasks,
        probes=PROBES,
        **{name: markupsafe.Markup(figure) for name, figure in figures.items()},  # noqa: S704
    )


def write_page(page: str, folder: str) -> None:
    """Writes the page into an audit's folder."""
    with fileio.open(os.path.join(folder, PAGE_FILE), "w") as file:
        file.write(page)


def _users(record: Mapping[str, Any], predictions: Predictions, vectors: Vectors) -> str:
    """Figure 3, of the first probe users of whom a word is known."""
    shown = np.flatnonzero(~vectors.wordless)[:_DRAWN_USERS]
    rows = np.searchsorted(predictions.users, vectors.users[shown])
    return users_figure(
        vectors.vectors[shown],
        {task: predictions.labels[task][rows] for task in record["tasks"]},
        {task: section["classes"] for task, section in record["tasks"].items()},
    )


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _interval(estimate: Mapping[str, Any] | None, signed: bool = False) -> markupsafe.Markup:
    """0.872, and below it `0.809 to 0.916`."""
    if estimate is None:
        return markupsafe.Markup("\N{EN DASH}")
    show = _signed if signed else _number
    return markupsafe.Markup('{}<br><span class="ci">{} to {}</span>').format(
        show(estimate["value"]), show(estimate["low"]), show(estimate["high"])
    )


def _share(value: float) -> str:
    return f"{value:.1%}"


def _dimensions(value: float | None) -> str:
    return "too few users" if value is None else f"{value:.1f}"


def _count(value: int) -> str:
    return f"{value:,}"
