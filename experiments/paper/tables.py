"""Tables 2 to 5: every row, the paper's values beside ours, and the users of each."""

from __future__ import annotations

import argparse
import datetime
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import yaml

from contract.errors import UsageError
from contract.splits import SPLITS
from experiments.areas import MEAN
from experiments.paper.measure import Areas, Figure, above, areas, figures_of
from experiments.paper.rows import LABELS, missing_package
from experiments.paper.setting import Setting
from experiments.paper.write import Grid, write_grid

_OURS = "sumn"
_VALUES = pathlib.Path(__file__).parent / "values.yaml"


class Table(NamedTuple):
    """A table of the paper.

    Attributes:
        title: What it shows.
        dataset: The adapter's name.
        metric: `auc` or `accuracy`.
        belongs: Whether a task of the data is one of the table's.
    """

    title: str
    dataset: str
    metric: str
    belongs: Callable[[str], bool]


TABLES = {
    "table2": Table("Category preferences, Amazon", "amazon", "auc", lambda task: True),
    "table3": Table(
        "Category preferences, query logs",
        "query-logs",
        "auc",
        lambda task: task.startswith("likes_"),
    ),
    "table4": Table("Gender and variety, Twitter and PAN17", "twitter", "accuracy", lambda _: True),
    "table5": Table(
        "Profiles, query logs",
        "query-logs",
        "accuracy",
        lambda task: not task.startswith("likes_"),
    ),
    "rows": Table("All rows", "amazon", "auc", lambda _: True),
}


def table(name: str, args: argparse.Namespace, made: Setting) -> None:
    """Measures the rows of a table and writes it.

    Args:
        name: Key of `TABLES`.
        args: With `paper_values`, a file or None, and `rows`, those to measure; None: all.
        made: Data, rows, sizes.

    Raises:
        UsageError: The data have no task of this table, the file of values is none, or there is no
            such row as is to be left out.
    """
    wanted = TABLES[name]
    tasks = [task for task in made.config.tasks if wanted.belongs(task)]
    if not tasks:
        raise UsageError(
            f"{name} is of other tasks than {', '.join(made.config.tasks)}. See "
            f"`python -m experiments dataset {wanted.dataset} --help` for its labels."
        )
    if unknown := made.left_out.keys() - LABELS:
        raise UsageError(
            f"--left-out: no row is called {', '.join(sorted(unknown))}. Rows: {', '.join(LABELS)}"
        )
    chosen = list(LABELS) if args.rows is None else args.rows
    # A seed after the other, so that a command that is killed leaves whole tables of fewer seeds.
    for seed in made.seeds:
        for row in chosen:
            if not missing_package(row) and row not in made.left_out:
                made.rows.probabilities(row, seed)
    measured = {row: _of_row(row, wanted, tasks, made) for row in LABELS}
    papers = _papers_values(args.paper_values).get(name) or {}
    grid = _grid(wanted, tasks, measured, papers, made)
    if name == "rows" and args.data:
        source = pathlib.Path(args.data).resolve().name
        grid = grid._replace(
            title=f"{grid.title}, {source}", content={"data": source} | grid.content
        )
    if args.small:
        grid = grid._replace(title=f"{grid.title}: generated logs, which say nothing of it")
    write_grid(grid, made.folder, name)


def _papers_values(path: str | None) -> dict[str, Any]:
    source = pathlib.Path(path) if path else _VALUES
    try:
        content = yaml.safe_load(source.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"{source}: cannot be read ({error}).") from error
    if not isinstance(content, dict):
        raise UsageError(f"{source}: must map tables to `users` and `rows`, as {_VALUES.name}.")
    return content


def _of_row(row: str, wanted: Table, tasks: list[str], made: Setting) -> Areas:
    """What is kept of a row."""
    return areas(
        made.rows, row, made.seeds, made.data, tasks, wanted.metric, made.resamples, make=False
    )


def _grid(
    wanted: Table,
    tasks: list[str],
    measured: dict[str, Areas],
    papers: dict[str, Any],
    made: Setting,
) -> Grid:
    known = papers.get("rows") or {}
    columns = [*tasks, MEAN]
    rows: list[list[str]] = []
    content: dict[str, dict[str, Any]] = {}
    for row, runs in measured.items():
        numbers = figures_of(list(runs.values())) if runs else {}
        ahead = above(measured[_OURS], runs) if row != _OURS else None
        rows.append([LABELS[row], *_cells(known, row, columns, numbers), _difference(ahead)])
        if runs:
            seconds = [made.rows.seconds(row, seed) for seed in runs]
            content[row] = {
                "figures": {task: each._asdict() for task, each in numbers.items()},
                "above": None if ahead is None else ahead._asdict(),
                "seeds": list(runs),
                "seconds": round(float(np.mean(seconds)), 1),
            }
            if row in made.budgets:
                content[row]["budget"] = str(made.budgets[row])
        else:
            content[row] = {"missing": _why_missing(row, made) or "not measured"}
    header = ["", *(cell for task in columns for cell in (task, "paper")), f"{LABELS[_OURS]} above"]
    return Grid(
        wanted.title,
        header,
        rows,
        _notes(wanted, made, papers, measured),
        {
            "date": datetime.date.today().isoformat(),
            "metric": wanted.metric,
            "seeds": made.seeds,
            "users": dict(zip(SPLITS, _users(made), strict=True)),
            "text": made.config.text.model_dump(),
            "encoder": made.config.encoder.model_dump(),
            "rows": content,
            "paper": papers,
        },
    )


def _why_missing(row: str, made: Setting) -> str | None:
    return missing_package(row) or made.left_out.get(row)


def _cells(
    known: dict[str, dict[str, float]], row: str, columns: list[str], numbers: dict[str, Figure]
) -> list[str]:
    """Of every column our number and the paper's."""
    ours = [written(numbers[task]) if numbers else "not measured" for task in columns]
    return [
        cell
        for task, own in zip(columns, ours, strict=True)
        for cell in (own, _papers(known, row, task))
    ]


def _difference(figure: Figure | None) -> str:
    return "" if figure is None else "{:+.3f} ({:+.3f} to {:+.3f})".format(*figure)


def _users(made: Setting) -> list[int]:
    data = made.data
    return [len(part.word_ids) for part in (data.train, data.validation, data.evaluation)]


def _notes(
    wanted: Table, made: Setting, papers: dict[str, Any], measured: dict[str, Areas]
) -> list[str]:
    users = _users(made)
    notes = [
        f"{'AUC (one-vs-rest)' if wanted.metric == 'auc' else 'Accuracy'}, mean over the seeds "
        f"{', '.join(map(str, made.seeds))}; in brackets the 95 % interval of a bootstrap over the "
        "users of the evaluation and the seeds. The last column is the difference of the means "
        "over the tasks, paired: both rows on the same draws of users and of seeds.",
        f"Ours: {users[0]:,} users for training, {users[1]:,} for validation, {users[2]:,} "
        f"evaluated. The paper: {papers.get('users') or 'users not known here'}.",
    ]
    for row, runs in measured.items():
        if not runs:
            reason = _why_missing(row, made) or f"name it by --rows {row}"
            notes.append(f"{LABELS[row]}: not measured ({reason}).")
            continue
        if len(runs) < len(made.seeds):
            notes.append(f"{LABELS[row]}: of the seeds {', '.join(map(str, runs))} alone.")
        if row in made.budgets:
            notes.append(f"{LABELS[row]}: {made.budgets[row]}.")
    if not papers.get("rows"):
        notes.append(
            "The paper's values are not in this repository: give them by --paper-values FILE."
        )
    return notes


def written(number: Figure) -> str:
    """A number and its interval as they stand in a table."""
    return f"{number.value:.3f} ({number.low:.3f}-{number.high:.3f})"


def _papers(known: dict[str, dict[str, float]], row: str, task: str) -> str:
    value = (known.get(row) or {}).get(task)
    return "-" if value is None else f"{value:g}"
