"""The figures of the page, drawn from the record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from audit.page.svg import INK, LINE, SERIES, style, to_svg
from contract.features import ACTIVITY

_WIDTH = 6.4
_COLUMNS = 2
_MARKS = "osD^vP"


def auc_figure(tasks: Mapping[str, Mapping[str, Any]]) -> str:
    """AUC of every task with its interval, the threshold and the last blessed model."""
    with style():
        figure = Figure(figsize=(_WIDTH, 0.9 + 0.42 * len(tasks)), layout="constrained")
        axes = figure.subplots()
        lowest = 1.0
        for row, task in enumerate(tasks.values()):
            auc, compared = task["auc"], task["baseline"]
            if auc is None:
                continue
            lowest = min(lowest, auc["low"], task["min_auc"])
            axes.plot([auc["low"], auc["high"]], [row, row], color=SERIES[0], linewidth=2)
            axes.plot(auc["value"], row, "o", color=SERIES[0], markersize=6)
            axes.plot([task["min_auc"]] * 2, [row - 0.3, row + 0.3], color=INK, linewidth=1.5)
            if compared:
                before = auc["value"] - compared["difference"]
                lowest = min(lowest, before)
                axes.plot(before, row + 0.22, "D", color=SERIES[1], markersize=5)
        marks = [("o-", SERIES[0], "this model, with interval"), ("|", INK, "needed")]
        if any(task["baseline"] for task in tasks.values()):
            marks.append(("D", SERIES[1], "last blessed model"))
        for mark, colour, label in marks:
            axes.plot([], [], mark, color=colour, label=label, markersize=6)
        axes.set_yticks(range(len(tasks)), list(tasks))
        axes.set_ylim(len(tasks) - 0.4, -0.6)
        axes.set_xlim(max(0.0, math.floor(lowest * 20 - 0.5) / 20), 1.0)
        axes.set_xlabel("AUC")
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        figure.legend(loc="outside upper center", ncols=3, fontsize=8)
    said = "; ".join(
        f"{name} {task['auc']['value']:.3f}, {task['auc']['low']:.3f} to {task['auc']['high']:.3f},"
        f" needed {task['min_auc']:.3f}"
        for name, task in tasks.items()
        if task["auc"]
    )
    return to_svg(figure, "auc", f"AUC of every task with its interval: {said}.")


def reliability_figure(tasks: Mapping[str, Mapping[str, Any]]) -> str:
    """How often came true what was claimed, in tenths of the probability."""
    with style():
        figure, grid = _grid(len(tasks), 2.5)
        for axes, (name, task) in zip(grid, tasks.items(), strict=False):
            axes.plot([0, 1], [0, 1], color=LINE, linewidth=1, linestyle="--")
            bins = task["reliability"]
            most = max((each["users"] for each in bins), default=1)
            axes.scatter(
                [each["predicted"] for each in bins],
                [each["observed"] for each in bins],
                s=[12 + 60 * each["users"] / most for each in bins],
                color=SERIES[0],
            )
            axes.plot(
                [each["predicted"] for each in bins],
                [each["observed"] for each in bins],
                color=SERIES[0],
                linewidth=1,
            )
            axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), title=name)
        _label(figure, "probability that the model gives", "share that came true")
    worst = "; ".join(
        f"{name}: calibration error {task['calibration_error']['value']:.3f}"
        for name, task in tasks.items()
        if task["calibration_error"]
    )
    return to_svg(
        figure,
        "reliability",
        "Reliability curves: a point for every tenth of the probability, larger where there are "
        f"more users; on the dashed diagonal probabilities are true. {worst}.",
    )


def activity_figure(tasks: Mapping[str, Mapping[str, Any]]) -> str:
    """AUC by the number of behaviours, the paper's Figure 2; groups too small are left out."""
    with style():
        figure, grid = _grid(len(tasks), 2.2)
        spoken = []
        for axes, (name, task) in zip(grid, tasks.items(), strict=False):
            groups = task["slices"].get(ACTIVITY, [])
            shown = [
                (place, group["auc"])
                for place, group in enumerate(groups)
                if group.get("auc") is not None
            ]
            for place, auc in shown:
                axes.plot([place] * 2, [auc["low"], auc["high"]], color=SERIES[0], linewidth=2)
            axes.plot(
                [place for place, _ in shown],
                [auc["value"] for _, auc in shown],
                "o-",
                color=SERIES[0],
                linewidth=1,
                markersize=5,
            )
            axes.set_xticks(range(len(groups)), [group["name"] for group in groups])
            axes.set_xlim(-0.5, max(len(groups), 1) - 0.5)
            axes.set_title(name)
            axes.grid(axis="y")
            spoken.append(
                f"{name}: "
                + ", ".join(f"{groups[place]['name']} {auc['value']:.3f}" for place, auc in shown)
            )
        _label(figure, "behaviours of the user", "AUC")
    return to_svg(
        figure, "by-activity", f"AUC by number of behaviours, with intervals. {'; '.join(spoken)}."
    )


def training_figure(curves: Mapping[str, Mapping[str, Any]]) -> str:
    """Loss and validation loss of every epoch; "" where nothing was logged."""
    if not curves:
        return ""
    with style():
        figure, grid = _grid(len(curves), 2.2)
        spoken = []
        for axes, (name, curve) in zip(grid, curves.items(), strict=False):
            for place, (key, label, line) in enumerate(
                (("loss", "of training", "-"), ("validation_loss", "of validation", "--"))
            ):
                points = [
                    (epoch, loss)
                    for epoch, loss in zip(curve["epochs"], curve[key], strict=True)
                    if loss is not None
                ]
                axes.plot(
                    *zip(*points, strict=True) if points else ([], []),
                    line,
                    color=SERIES[place],
                    linewidth=1.5,
                    marker="os"[place] if len(points) == 1 else None,
                    label=label,
                )
                if points:
                    epoch, loss = min(points, key=lambda point: point[1])
                    spoken.append(f"{name}, {label}: lowest {loss:.3f} in epoch {epoch}")
            axes.set_title(name)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(axis="y")
            axes.legend(fontsize=7, loc="best")
        _label(figure, "epoch", "loss")
    return to_svg(figure, "losses", f"Losses of every epoch. {'; '.join(spoken)}.")


def users_figure(
    vectors: np.ndarray, labels: Mapping[str, np.ndarray], classes: Mapping[str, Sequence[str]]
) -> str:
    """Users on the first two principal components, by the classes of every task (Figure 3).

    Args:
        vectors: Float [users, d].
        labels: Task -> int [users], -1 where the label is missing.
        classes: Task -> names of its classes.
    """
    places, share = _principal(vectors)
    with style():
        figure, grid = _grid(len(labels), 2.6)
        for axes, (task, own) in zip(grid, labels.items(), strict=False):
            for number, name in enumerate(classes[task]):
                chosen = places[own == number]
                axes.scatter(
                    chosen[:, 0],
                    chosen[:, 1],
                    s=9,
                    marker=_MARKS[number % len(_MARKS)],
                    color=SERIES[number % len(SERIES)],
                    alpha=0.7,
                    linewidths=0,
                    label=name,
                )
            axes.set(title=task, xticks=[], yticks=[])
            axes.legend(fontsize=7, loc="best", handletextpad=0.1)
    return to_svg(
        figure,
        "users",
        f"{len(vectors)} users on the first two principal components of their vectors, which "
        f"hold {share:.0%} of the variance; a mark for every class of a task.",
    )


def _principal(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """Float [users, 2], and the share of the variance that these two components hold."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    left, sizes, right = np.linalg.svd(centred, full_matrices=False)
    # The sign of a component is free: the largest loading is made positive.
    signs = np.sign(np.take_along_axis(right, np.abs(right).argmax(axis=1)[:, None], axis=1))[:, 0]
    signs[signs == 0] = 1
    shares = np.square(sizes) / max(float(np.square(sizes).sum()), 1e-30)
    # What is drawn must not differ by the last digits of a machine's arithmetic.
    return np.round((left * sizes * signs)[:, :2], 4), float(shares[:2].sum())


def _grid(count: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of two columns with an axes for each of so many parts."""
    rows = max(1, math.ceil(count / _COLUMNS))
    figure = Figure(figsize=(_WIDTH, height * rows), layout="constrained")
    grid = figure.subplots(rows, _COLUMNS, squeeze=False).ravel().tolist()
    for axes in grid[count:]:
        axes.set_axis_off()
    return figure, grid


def _label(figure: Figure, below: str, beside: str) -> None:
    figure.supxlabel(below, fontsize=9, color=INK)
    figure.supylabel(beside, fontsize=9, color=INK)
