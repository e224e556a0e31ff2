"""Tables 2 to 5: every row, the paper's values beside ours, and the users of each."""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import yaml

from contract.errors import UsageError
from contract.splits import SPLITS
from experiments.areas import MEAN
from experiments.paper.measure import Figure, figures
from experiments.paper.rows import LABELS
from experiments.paper.setting import Setting
from experiments.paper.write import Grid, write_grid

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
}


def table(name: str, args: argparse.Namespace, made: Setting) -> None:
    """Measures the rows of a table and writes it.

    Args:
        name: Key of `TABLES`.
        args: With `paper_values`, a file or None.
        made: Data, rows, sizes.

    Raises:
        UsageError: The data have no task of this table, or the file of values is none.
    """
    wanted = TABLES[name]
    tasks = [task for task in made.config.tasks if wanted.belongs(task)]
    if not tasks:
        raise UsageError(
            f"{name} is of other tasks than {', '.join(made.config.tasks)}. See "
            f"`python -m experiments dataset {wanted.dataset} --help` for its labels."
        )
    measured = {
        row: figures(made.rows, row, made.seeds, made.data, tasks, wanted.metric, made.resamples)
        for row in LABELS
    }
    papers = _papers_values(args.paper_values).get(name) or {}
    grid = _grid(wanted, tasks, measured, papers, made)
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


def _grid(
    wanted: Table,
    tasks: list[str],
    measured: dict[str, dict[str, Figure]],
    papers: dict[str, Any],
    made: Setting,
) -> Grid:
    known = papers.get("rows") or {}
    columns = [*tasks, MEAN]
    rows = [
        [
            LABELS[row],
            *(
                cell
                for task in columns
                for cell in (written(numbers[task]), _papers(known, row, task))
            ),
        ]
        for row, numbers in measured.items()
    ]
    data = made.data
    users = [len(part.word_ids) for part in (data.train, data.validation, data.evaluation)]
    notes = [
        f"{'AUC (one-vs-rest)' if wanted.metric == 'auc' else 'Accuracy'}, mean over the seeds "
        f"{', '.join(map(str, made.seeds))}; in brackets the 95 % interval of a bootstrap over the "
        "users of the evaluation and the seeds.",
        f"Ours: {users[0]:,} users for training, {users[1]:,} for validation, {users[2]:,} "
        f"evaluated. The paper: {papers.get('users') or 'users not known here'}.",
    ]
    if not known:
        notes.append(
            "The paper's values are not in this repository: give them by --paper-values FILE."
        )
    content = {
        "metric": wanted.metric,
        "seeds": made.seeds,
        "users": dict(zip(SPLITS, users, strict=True)),
        "rows": {
            row: {task: each._asdict() for task, each in numbers.items()}
            for row, numbers in measured.items()
        },
        "paper": papers,
    }
    header = ["", *(cell for task in columns for cell in (task, "paper"))]
    return Grid(wanted.title, header, rows, notes, content)


def written(number: Figure) -> str:
    """A number and its interval as they stand in a table."""
    return f"{number.value:.3f} ({number.low:.3f}-{number.high:.3f})"


def _papers(known: dict[str, dict[str, float]], row: str, task: str) -> str:
    value = (known.get(row) or {}).get(task)
    return "-" if value is None else f"{value:g}"
