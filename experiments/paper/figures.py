"""Figures 2 and 3, and what the text says of hops and of the time of training."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterator

import numpy as np

from experiments.areas import MEAN
from experiments.paper import svg
from experiments.paper.measure import areas, figures_of
from experiments.paper.rows import HOPS, LABELS, ROWS, VARIANTS, fit_vectors
from experiments.paper.setting import Setting
from experiments.paper.tables import written
from experiments.paper.write import Grid, write_grid

_QUARTILES = 4
_HOPS_OF_SMALL = (1, 2)
_AGGREGATORS = ("sumn", "sumn-mean", "sumn-max")


def figure2(made: Setting) -> None:
    """AUC by quartiles of activity, of the multi-hop aggregation, the mean and the maximum."""
    behaviors = np.array([len(user) for user in made.data.evaluation.word_ids])
    order = np.argsort(np.argsort(behaviors, kind="stable"), kind="stable")
    groups = order * _QUARTILES // max(len(order), 1)
    names: list[str] = []
    lines: dict[str, list[float]] = {}
    content: dict[str, list[dict[str, float]]] = {}
    cells = {row: [LABELS[row]] for row in _AGGREGATORS}
    for group in range(_QUARTILES):
        chosen = groups == group
        numbers = behaviors[chosen]
        names.append(f"{numbers.min()}-{numbers.max()} (n={chosen.sum()})")
        for row in _AGGREGATORS:
            number = _auc(made, row, chosen)
            lines.setdefault(LABELS[row], []).append(number.value)
            cells[row].append(written(number))
            content.setdefault(row, []).append(number._asdict())
    title = "Figure 2: mean AUC by behaviours of a user"
    drawing = svg.lines(title, names, lines, "AUC, mean of the tasks")
    (made.folder / "figure2.svg").write_text(drawing)
    notes = [
        "Quartiles of the users of the evaluation by the behaviours that are read, at most |S|."
    ]
    grid = Grid(
        title, ["", *names], list(cells.values()), notes, {"groups": names, "rows": content}
    )
    write_grid(grid, made.folder, "figure2")


def figure3(made: Setting) -> None:
    """The first two principal components of the vectors of users of different classes."""
    from sklearn.decomposition import PCA

    seed, fit = made.seeds[0], fit_vectors("sumn")

    def vectors(scratch: str) -> dict[str, np.ndarray]:
        encode = fit(made.data, seed, scratch)
        return {"vectors": np.asarray(encode(made.data.evaluation))}

    users = made.rows.kept(f"vectors-{seed}", fit.__module__, vectors)["vectors"]
    plane = PCA(2, random_state=seed).fit(users)
    share = plane.explained_variance_ratio_.sum()
    placed = plane.transform(users)
    series, rows = {}, []
    for task, count in made.data.tasks.items():
        classes, weights = made.data.evaluation.labels[task]
        # Of a binary task its positives, of others every class.
        for number in range(1 if count == 2 else 0, count):
            chosen = (classes == number) & (weights > 0)
            if chosen.any():
                name = f"{task} {made.config.tasks[task].classes[number]}"
                series[name] = placed[chosen]
                centre = placed[chosen].mean(axis=0)
                rows.append([name, str(chosen.sum()), *(f"{each:.3f}" for each in centre)])
    title = "Figure 3: user vectors of positives, two principal components"
    (made.folder / "figure3.svg").write_text(svg.points(title, series))
    grid = Grid(
        title,
        ["", "users", "first", "second"],
        rows,
        [f"Means of the classes; the two components hold {share:.0%} of the variance."],
        {"variance": float(share), "points": {n: p.tolist() for n, p in series.items()}},
    )
    write_grid(grid, made.folder, "figure3")


def hops(made: Setting) -> None:
    """Mean AUC by the number of hops."""
    tried = _HOPS_OF_SMALL if made.small else HOPS
    numbers = {number: _auc(made, f"sumn-{number}-hops") for number in tried}
    title = "Mean AUC by hops"
    steps = [str(number) for number in tried]
    line = {"SUMN": [number.value for number in numbers.values()]}
    (made.folder / "hops.svg").write_text(svg.lines(title, steps, line, "AUC, mean of the tasks"))
    rows = [[str(number), written(each)] for number, each in numbers.items()]
    content = {"hops": {number: each._asdict() for number, each in numbers.items()}}
    write_grid(Grid(title, ["hops", "AUC"], rows, [], content), made.folder, "hops")


def training_time(made: Setting) -> None:
    """Seconds and epochs until the validation loss has converged, of every variant."""
    rows, content = [], {}
    for row in VARIANTS:
        runs, fit = [], fit_vectors(row)
        for seed in made.seeds:

            def train(scratch: str, fit=fit, seed=seed) -> dict[str, np.ndarray]:
                with _counted_epochs() as epochs:
                    started = time.monotonic()
                    fit(made.data, seed, scratch)
                    seconds = time.monotonic() - started
                return {"seconds": np.array(seconds), "epochs": np.array(len(epochs))}

            name = f"time-{row}-{seed}: {ROWS[row].description}"
            kept = made.rows.kept(name, fit.__module__, train)
            runs.append((float(kept["seconds"]), int(kept["epochs"])))
        seconds, epochs = np.mean(runs, axis=0)
        rows.append([LABELS[row], f"{seconds:.1f}", f"{epochs:.1f}", f"{seconds / epochs:.2f}"])
        content[row] = {"seconds": seconds, "epochs": epochs, "runs": runs}
    title = "Training to convergence"
    header = ["", "seconds", "epochs", "seconds an epoch"]
    notes = [f"Mean of {len(made.seeds)} seeds on {os.cpu_count()} processors."]
    write_grid(Grid(title, header, rows, notes, {"rows": content}), made.folder, "training-time")


@contextlib.contextmanager
def _counted_epochs() -> Iterator[list[str]]:
    """Collects what training says of itself, a line an epoch."""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "val_loss" in record.getMessage():
                lines.append(record.getMessage())

    log, handler = logging.getLogger("progress"), Handler()
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield lines
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def _auc(made: Setting, row: str, chosen: np.ndarray | None = None):
    tasks = list(made.config.tasks)
    runs = areas(made.rows, row, made.seeds, made.data, tasks, "auc", made.resamples, chosen)
    return figures_of(list(runs.values()))[MEAN]
