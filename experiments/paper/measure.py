"""Runs rows and keeps what they predict: a command that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from audit.statistics.auc import task_auc
from audit.statistics.bootstrap import resampling_weights
from experiments.areas import task_areas
from experiments.bootstrap import interval
from experiments.kept_arrays import read_arrays, write_arrays
from experiments.labelled_users import PreparedData
from experiments.paper.rows import ROWS
from experiments.representations import Probabilities
from pipeline.config import PipelineConfig


class Figure(NamedTuple):
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


class Rows:
    """Rows of one prepared data set, kept in a folder.

    Args:
        data: The users.
        config: What they were prepared by; other heads or another encoder are other rows.
        folder: For what is kept.
        progress: Is told what was measured.
    """

    def __init__(
        self,
        data: PreparedData,
        config: PipelineConfig,
        folder: pathlib.Path,
        progress: Callable[[str], None],
    ):
        self._data, self._config, self._progress = data, config, progress
        digest = hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:12]
        self._folder = folder / digest
        self._folder.mkdir(parents=True, exist_ok=True)

    def kept(
        self, name: str, make: Callable[[str], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """What a function makes, given a folder to work in; made once.

        Args:
            name: Of the file.
            make: Makes arrays by name.
        """
        path = self._folder / f"{name}.npz"
        arrays = read_arrays(path)
        if arrays is None:
            started = time.monotonic()
            with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
                arrays = make(scratch)
            write_arrays(path, arrays)
            self._progress(f"{name}: {time.monotonic() - started:.0f} s")
        return arrays

    def probabilities(self, row: str, seed: int) -> Probabilities:
        """What a row predicts of the users of the evaluation with one seed."""
        seed = seed if ROWS[row].seeded else 0
        return self.kept(
            f"{row}-{seed}",
            lambda scratch: ROWS[row].evaluate(self._data, seed, self._config.heads, scratch),
        )


def figures(
    rows: Rows,
    name: str,
    seeds: Iterable[int],
    data: PreparedData,
    tasks: Iterable[str],
    metric: str,
    resamples: int,
    chosen: np.ndarray | None = None,
) -> dict[str, Figure]:
    """A row's numbers: of every task, and their mean.

    Args:
        rows: Where the row is kept.
        name: Of the row.
        seeds: Each is one run; numbers are means over them.
        data: The users.
        tasks: Those of the table.
        metric: `auc` or `accuracy`.
        resamples: Of the bootstrap over users, and over seeds.
        chosen: Bool [users of the evaluation], whose numbers these are; None: all.

    Returns:
        Task, and `mean`, to its number.
    """
    users = data.evaluation
    weights = resampling_weights(len(users.word_ids), resamples)
    if chosen is not None:
        weights = weights * chosen
    measure = {"auc": task_auc, "accuracy": task_accuracy}[metric]
    tasks = list(tasks)
    runs = []
    for seed in seeds:
        probabilities = rows.probabilities(name, seed)
        of_tasks = {task: probabilities[task] for task in tasks}
        runs.append(task_areas(of_tasks, users, weights, measure))
    return figures_of(runs)


def figures_of(runs: Sequence[dict[str, np.ndarray]]) -> dict[str, Figure]:
    """The numbers of some runs, their means with intervals.

    Args:
        runs: As `task_areas` returns each.
    """
    stacked = {task: np.stack([run[task] for run in runs]) for task in runs[0]}
    return {
        task: Figure(float(values[:, 0].mean()), *interval(values))
        for task, values in stacked.items()
    }


def task_accuracy(
    probabilities: np.ndarray, classes: np.ndarray, known: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """The share of users whose likeliest class is the true one.

    >>> weights = np.array([[1, 1], [3, 1]])
    >>> task_accuracy(np.eye(2), np.array([0, 0]), np.array([True, True]), weights)
    array([0.5 , 0.75])

    Args:
        probabilities: Float [users, classes].
        classes: Int [users], the true class.
        known: Bool [users], whether the label is there.
        weights: Float [weightings, users].

    Returns:
        Float [weightings]; NaN where no user has weight.
    """
    right = (probabilities.argmax(axis=1) == classes) & known
    weights = weights * known
    with np.errstate(invalid="ignore"):
        return (weights * right).sum(axis=1) / weights.sum(axis=1)
