"""What the user sees of a run: one line a component while it runs, a table at the end."""

from __future__ import annotations

import os
import time
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

_QUIET_SECONDS = 30
"""Without a terminal, progress within a component is printed this often at most."""


_NOT_RUN = {
    "cached": "unchanged, earlier result used",
    "resolved": "looked up",
    "skipped": "not run",
}


class RunDisplay:
    """Shows the events of `pipeline.local_runner.Reporter` as they come.

    On a terminal the line of the component that started last moves; elsewhere (a file, CI)
    finished lines are printed and progress only now and then. Several components may run at once.

    Args:
        console: Where to print.
    """

    def __init__(self, console: Console):
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        # Component -> (position, start), of those that run.
        self._running: dict[str, tuple[str, float]] = {"starting": ("", time.monotonic())}
        self._printed = time.monotonic()
        self._progress = "loading TensorFlow"

    def __enter__(self) -> RunDisplay:
        if self._console.is_terminal:
            self._live.start()
            self._refresh()
        return self

    def __exit__(self, *_: Any) -> None:
        self._live.stop()

    def show(self, event: dict[str, Any]) -> None:
        """Shows one event."""
        kind = event["event"]
        if kind == "start":
            self._running.pop("starting", None)
            position = f"[{event['number']:2d}/{event['of']}]"
            self._running[event["component"]] = (position, time.monotonic())
            self._printed = time.monotonic()
            self._progress = ""
        elif kind == "progress":
            self._progress = event["text"]
            if not self._console.is_terminal and self._seconds(self._printed) > _QUIET_SECONDS:
                self._printed = time.monotonic()
                component, (position, _) = list(self._running.items())[-1]
                self._print_line("...", component, position, self._progress, "")
        elif kind == "warning":
            position, _ = self._running.get(event["component"], ("", 0.0))
            self._print_line("!", event["component"], position, event["text"], "", "yellow")
        elif kind in ("end", "failed"):
            component = event["component"]
            position, started = self._running.pop(component, ("", time.monotonic()))
            seconds = f"{self._seconds(started):6.1f} s"
            if kind == "failed":
                self._print_line("✗", component, position, "failed", seconds, "red")
            elif event["state"] == "ran":
                seconds = f"{event['seconds']:6.1f} s"
                text = event.get("note") or self._progress
                self._print_line("✓", component, position, text, seconds, "green")
            else:
                text = event.get("note") or _NOT_RUN[event["state"]]
                self._print_line("=", component, position, text, "", "dim")
        self._refresh()

    def _refresh(self) -> None:
        if not self._running:
            return
        component, (position, started) = list(self._running.items())[-1]
        line = Text(f"{position:8s}{component:28s} {self._seconds(started):6.1f} s  ")
        line.append(self._progress, style="dim")
        self._live.update(Spinner("dots", line))

    def _print_line(
        self, mark: str, component: str, position: str, text: str, seconds: str, style: str = ""
    ) -> None:
        line = Text(f"{mark:4s}", style=style)
        line.append(f"{position:8s}{component:28s} {seconds:>9s}  ")
        line.append(text, style="dim")
        self._console.print(line, soft_wrap=True)

    @staticmethod
    def _seconds(since: float) -> float:
        return time.monotonic() - since


def print_summary(console: Console, summary: dict[str, Any]) -> None:
    """Prints the table of tasks and the verdict.

    Args:
        console: Where to print.
        summary: As `pipeline.summary.summarize` returns it.
    """
    table = Table(
        title=f"{summary['pipeline']}: users of the evaluation split", title_justify="left"
    )
    table.add_column("task")
    for column in ("users", "AUC", "at least", "last blessed", "accuracy", "calibration"):
        table.add_column(column, justify="right")
    table.add_column("verdict")
    for name, task in summary["tasks"].items():
        baseline = task.get("baseline_auc")
        table.add_row(
            name,
            f"{task['example_count']:.0f}",
            _figure(task["auc"]),
            f"{task['min_auc']:.3f}",
            "-" if baseline is None else f"{baseline:.3f}",
            _figure(task["sparse_categorical_accuracy"]),
            _figure(task["calibration"]),
            "[green]passed[/]" if task["blessed"] else "[red]failed[/]",
        )
    console.print(table)
    if change := summary["compatibility"]:
        _print_compatibility(console, change)
    for warning in summary["warnings"]:
        console.print(f"[yellow]warning[/]: {escape(warning)}", soft_wrap=True, highlight=False)
    for reason in summary["reasons"]:
        console.print(f"[red]not blessed[/]: {escape(reason)}", soft_wrap=True, highlight=False)


def _print_compatibility(console: Console, change: dict[str, Any]) -> None:
    """Says what the new model means for who uses the vectors of the last one."""
    aligned, version = change["aligned"], os.path.basename(change["previous"]["path"])
    old_heads = "; ".join(
        f"{task} {_figure(auc)} (new head {_figure(change['new_heads'][task])})"
        for task, auc in aligned["old_heads"].items()
    )
    console.print(
        f"aligned to version {version}: mean cosine {aligned['mean_cosine']:.3f}, share of the ten "
        f"nearest found again {_figure(aligned['neighbours_across'])}, AUC of its heads on the new "
        f"vectors: {old_heads}",
        soft_wrap=True,
        highlight=False,
    )


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
