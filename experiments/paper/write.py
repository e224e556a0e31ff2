"""Tables as text, Markdown, CSV and JSON, of cells that are text already."""

from __future__ import annotations

import csv
import io
import json
import pathlib
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table as TerminalTable


class Grid(NamedTuple):
    """A table.

    Attributes:
        title: What it shows.
        columns: Their names, that of the rows' names first.
        rows: Cells of each row, its name first.
        notes: Sentences below it.
        content: The same as numbers, for JSON.
    """

    title: str
    columns: list[str]
    rows: list[list[str]]
    notes: list[str]
    content: dict[str, Any]


def write_grid(grid: Grid, folder: pathlib.Path, name: str) -> None:
    """Writes NAME.md, NAME.csv and NAME.json and prints the table."""
    (folder / f"{name}.md").write_text(markdown(grid))
    table = io.StringIO(newline="")
    csv.writer(table, lineterminator="\n").writerows([grid.columns, *grid.rows])
    (folder / f"{name}.csv").write_text(table.getvalue())
    content = {"title": grid.title, **grid.content, "notes": grid.notes}
    (folder / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")
    shown = TerminalTable(title=grid.title, title_justify="left")
    for place, column in enumerate(grid.columns):
        shown.add_column(column, justify="right" if place else "left")
    for row in grid.rows:
        shown.add_row(*row)
    # A file or a pipe has no width of its own.
    console = Console()
    if not console.is_terminal:
        console = Console(width=40 + 22 * len(grid.columns))
    console.print(shown)
    for note in grid.notes:
        console.print(note, soft_wrap=True, highlight=False)
    kinds = [kind for kind in ("md", "csv", "json", "svg") if (folder / f"{name}.{kind}").exists()]
    print(f"written: {', '.join(str(folder / f'{name}.{kind}') for kind in kinds)}")


def markdown(grid: Grid) -> str:
    """The table in Markdown."""
    lines = [f"# {grid.title}", "", _line(grid.columns), _line(["---"] * len(grid.columns))]
    lines += [_line(row) for row in grid.rows]
    return "\n".join([*lines, "", *grid.notes]) + "\n"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
