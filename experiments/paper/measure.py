"""Runs rows and keeps what they predict: a command that was killed goes on where it was."""

from __future__ import annotations

import functools
import hashlib
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from audit.statistics.auc import task_auc
from audit.statistics.bootstrap import resampling_weights
from experiments.areas import MEAN, task_areas
from experiments.bootstrap import interval
from experiments.kept_arrays import read_arrays, write_arrays
from experiments.labelled_users import PreparedData
from experiments.paper.rows import ROWS
from experiments.representations import Model, Probabilities
from ingestion.files import content_hash, match_files
from pipeline.code_digest import code_digest
from pipeline.config import PipelineConfig

SECONDS = "seconds of a run"
"""Stands beside the arrays of a run for how long it took."""


Areas = dict[int, dict[str, np.ndarray]]
"""Seed to what a row reached with it, as `task_areas` returns it."""


class Figure(NamedTuple):
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


class Rows:
    """Rows of one prepared data set, kept in a folder.

    What is kept is found again only if the data, their configuration, the code that made it, the
    row's own settings and the seed are the same.

    Args:
        data: The users.
        config: What they were prepared by.
        folder: For what is kept.
        progress: Is told what was measured.
        models: Row to another model than that of `ROWS`.
    """

    def __init__(
        self,
        data: PreparedData,
        config: PipelineConfig,
        folder: pathlib.Path,
        progress: Callable[[str], None],
        models: Mapping[str, Model] | None = None,
    ):
        self._data, self._config, self._progress = data, config, progress
        self._models = {**ROWS, **(models or {})}
        self._folder = folder
        files = match_files({"events": config.data.events, "labels": config.data.labels})
        hashes = [f"{file.kind} {content_hash(file)}" for file in files]
        self._code_digest = functools.cache(code_digest)
        self._settings = "\n".join([config.model_dump_json(), *hashes])

    def kept(
        self, name: str, code: str, make: Callable[[str], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """What a function makes, given a folder to work in; made once.

        Args:
            name: Says what it is, with all settings that are not the configuration's.
            code: The module that makes it, whose code counts with all that it imports.
            make: Makes arrays by name.

        Returns:
            The arrays, and the seconds that they took as `SECONDS`.
        """
        path = self._path(name, code)
        arrays = read_arrays(path)
        if arrays is None:
            started = time.monotonic()
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
                arrays = make(scratch)
            seconds = time.monotonic() - started
            arrays = {**arrays, SECONDS: np.array(seconds)}
            write_arrays(path, arrays)
            self._progress(f"{name}: {seconds:.0f} s")
        return arrays

    def probabilities(self, row: str, seed: int, make: bool = True) -> Probabilities | None:
        """What a row predicts of the users of the evaluation with one seed.

        Args:
            row: Of `ROWS`.
            seed: Of the run.
            make: Whether to fit it if it is not kept; otherwise None is returned.

        Returns:
            Task to float [users, classes], and `SECONDS` of fitting and predicting.
        """
        model = self._models[row]
        seed = seed if model.seeded else 0
        name, code = f"{row}-{seed}: {model.description}", model.evaluate.__module__
        if not make:
            return read_arrays(self._path(name, code))

        def evaluate(scratch: str) -> Probabilities:
            return model.evaluate(self._data, seed, self._config.heads, scratch)

        return self.kept(name, code, evaluate)

    def seconds(self, row: str, seed: int) -> float:
        """What fitting and predicting of a row that is kept took."""
        probabilities = self.probabilities(row, seed, make=False)
        return float("nan") if probabilities is None else float(probabilities[SECONDS])

    def _path(self, name: str, code: str) -> pathlib.Path:
        what = "\n".join([name, self._settings, self._code_digest(code)])
        digest = hashlib.sha256(what.encode()).hexdigest()[:16]
        return self._folder / f"{name.partition(':')[0]}-{digest}.npz"


def areas(
    rows: Rows,
    name: str,
    seeds: Iterable[int],
    data: PreparedData,
    tasks: Iterable[str],
    metric: str,
    resamples: int,
    chosen: np.ndarray | None = None,
    make: bool = True,
) -> Areas:
    """What a row reached, by seed.

    Args:
        rows: Where the row is kept.
        name: Of the row.
        seeds: Each is one run; numbers are means over them.
        data: The users.
        tasks: Those of the table.
        metric: `auc` or `accuracy`.
        resamples: Of the bootstrap over users, and over seeds.
        chosen: Bool [users of the evaluation], whose numbers these are; None: all.
        make: Whether to fit what is not kept.

    Returns:
        By seed; only those that are kept, if nothing is made.
    """
    users = data.evaluation
    weights = resampling_weights(len(users.word_ids), resamples)
    if chosen is not None:
        weights = weights * chosen
    measure = {"auc": task_auc, "accuracy": task_accuracy}[metric]
    tasks, found = list(tasks), {}
    for seed in seeds:
        probabilities = rows.probabilities(name, seed, make)
        if probabilities is not None:
            of_tasks = {task: probabilities[task] for task in tasks}
            found[seed] = task_areas(of_tasks, users, weights, measure)
    return found


def above(ours: Areas, others: Areas) -> Figure | None:
    """How far one row's mean over the tasks is above another's, on the same users and seeds.

    Args:
        ours: As `areas` returns it.
        others: The other's.

    Returns:
        The paired difference; None if they have no seed in common.
    """
    seeds = sorted(ours.keys() & others.keys())
    if not seeds:
        return None
    return figures_of([{MEAN: ours[seed][MEAN] - others[seed][MEAN]} for seed in seeds])[MEAN]


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
