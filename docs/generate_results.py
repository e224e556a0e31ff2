"""Writes the tables of quality in docs/results.md and README.md, from what was measured.

    python -m docs.generate_results

`python -m experiments.quality ... --output experiments/results` measures, `python -m
experiments.few_labels ... --output experiments/results/few_labels/NAME.json`, and `python -m
experiments rows`, whose rows.json is put to experiments/results/rows/NAME.json; a test compares
the pages with what this gives.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

from experiments.areas import MEAN
from experiments.paper.rows import LABELS
from experiments.representations import MODELS

_ROOT = pathlib.Path(__file__).parents[1]
RESULTS = _ROOT / "experiments" / "results"
PAGES = {
    "docs/results.md": {"": "tables", ": rows": "rows"},
    "README.md": {"": "summary"},
}
"""Page to what stands in its marks to what is written between them."""

_DATA_SETS = {
    "git-history": "commit subject lines of 12 projects",
    "git-large": "commit subject lines of 131 other projects",
    "poetry": "classical Chinese poems",
    "generated": "generated logs",
}
_OF_ROWS = ("git-history", "git-large", "poetry")
_OURS = "default"
_START = "untrained"
# Not what one would use instead, but other forms of ours.
_NO_RIVALS = {_OURS, _START, "paper"}
_UNKNOWN = "not measured"
"""How `experiments rows` begins what it says of a row that was not asked for."""


def measured() -> list[dict[str, Any]]:
    """Reads what `experiments.quality` wrote, in the order in which it is shown."""
    found = [json.loads(path.read_text()) for path in RESULTS.glob("*.json")]
    order = list(_DATA_SETS)
    return sorted(found, key=lambda report: order.index(report["data"]))


def curves() -> list[dict[str, Any]]:
    """Reads what `experiments.few_labels` wrote."""
    return [json.loads(path.read_text()) for path in sorted(RESULTS.glob("few_labels/*.json"))]


def results_page(name: str) -> str:
    """A page with the tables of all that was measured between its marks.

    Args:
        name: A key of `PAGES`.

    Raises:
        ValueError: The page has no marks.
    """
    text = (_ROOT / name).read_text()
    for which, content in PAGES[name].items():
        begin, end = (
            f"<!-- {word} python -m docs.generate_results{which} -->\n" for word in ("from", "end")
        )
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        if not found or not ended:
            raise ValueError(f"{name} lacks the lines {begin.strip()} and {end.strip()}.")
        text = f"{before}{begin}\n{_CONTENT[content]()}\n{end}{after}"
    return text


def _tables() -> str:
    return "\n\n".join([*map(_table, measured()), *map(_curve, curves())])


def _rows_of_the_paper() -> str:
    found = {report["data"]: report for report in map(_read, RESULTS.glob("rows/*.json"))}
    return "\n\n".join(_paper_table(name, found.get(name)) for name in _OF_ROWS)


def _read(path: pathlib.Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def _paper_table(name: str, report: dict[str, Any] | None) -> str:
    what = _DATA_SETS[name]
    title = f"### {what[0].upper()}{what[1:]}, rows of the paper (`{name}`)\n\n"
    if report is None:
        return f"{title}No row was measured."
    rows: list[list[str]] = []
    missing: dict[str, list[str]] = {}
    for row, label in LABELS.items():
        content = report["rows"].get(row, {"missing": _UNKNOWN})
        if "missing" in content:
            missing.setdefault(content["missing"], []).append(label)
            continue
        figures, above = content["figures"], content["above"]
        rows.append(
            [
                f"{label}, {content['budget']}" if "budget" in content else label,
                *(f"{figures[task]['value']:.3f}" for task in figures if task != MEAN),
                _of_figure(figures[MEAN], "{:.3f}"),
                "" if above is None else _of_figure(above, "{:+.3f}"),
                str(len(content["seeds"])),
                f"{content['seconds']:,.0f}",
            ]
        )
    tasks = [task for task in next(iter(_measured_rows(report)))["figures"] if task != MEAN]
    header = ["", *tasks, "mean, 95 % interval", "SUMN above it", "seeds", "seconds"]
    users, text = report["users"], report["text"]
    lines = [header, ["---"] * len(header), *rows]
    said = (
        f"{users['train']:,} labelled users to learn from, {users['validation']:,} to stop by, "
        f"{users['eval']:,} evaluated; words `{text['language']}`, n-grams up to {text['ngrams']}, "
        f"without the moments; SUMN and its variants train for at most "
        f"{report['encoder']['max_epochs']} epochs; {report['date']}."
    )
    if missing:
        said += " Not measured: " + "; ".join(
            "; ".join(labels) + ("" if why.startswith(_UNKNOWN) else f" ({why})")
            for why, labels in missing.items()
        )
        said += "."
    return f"{title}{said}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _measured_rows(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [content for content in report["rows"].values() if "missing" not in content]


def _of_figure(figure: dict[str, float], form: str) -> str:
    """A number as `experiments.paper` writes it."""
    return f"{form} ({form} to {form})".format(figure["value"], figure["low"], figure["high"])


def _table(report: dict[str, Any]) -> str:
    models = report["models"]
    tasks = [task for task in models[_OURS]["auc"] if task != "mean"]
    users = report["users"]
    header = ["", *tasks, "mean, 95 % interval", "default above it", "seconds"]
    rows = [header, ["---"] * len(header)]
    for name, model in models.items():
        auc = model["auc"]
        above = models[_OURS]["mean_auc_above"].get(name)
        label = f"**{model['description']}**" if name == _OURS else model["description"]
        rows.append(
            [
                label,
                *(f"{auc[task]['mean']:.3f}" for task in tasks),
                _with_interval(auc["mean"], "{:.3f}"),
                _with_interval(above, "{:+.3f}") if above else "",
                f"{model['seconds']:,.0f}",
            ]
        )
    text = report["text"]
    words = f"`{text['language']}`, n-grams up to {text['ngrams']}" + (
        ", punctuation" if text["punctuation"] else ""
    )
    moments = " and the moments of the behaviours" if "time" in report["channels"] else ""
    return (
        f"### {_DATA_SETS[report['data']].capitalize()} (`{report['data']}`)\n\n"
        f"{users['train']:,} labelled users fit the heads, {users['eval']:,} are evaluated; "
        f"{len(report['seeds'])} seeds; words {words}{moments}; {report['date']}.\n\n"
        + "\n".join(f"| {' | '.join(row)} |" for row in rows)
    )


def _summary(reports: list[dict[str, Any]]) -> str:
    rows = [
        ["data", "evaluated", "what `init` writes", "strongest rival", "difference", "training"],
        ["---"] * 6,
    ]
    for report in reports:
        models = report["models"]
        ours = models[_OURS]
        rival = max(
            (name for name in models if name not in _NO_RIVALS),
            key=lambda name: models[name]["auc"]["mean"]["mean"],
        )
        rows.append(
            [
                _DATA_SETS[report["data"]],
                f"{report['users']['eval']:,}",
                f"**{_with_interval(ours['auc']['mean'], '{:.3f}')}**",
                f"{models[rival]['description']}: "
                + _with_interval(models[rival]["auc"]["mean"], "{:.3f}"),
                _with_interval(ours["mean_auc_above"][rival], "{:+.3f}"),
                _with_interval(ours["mean_auc_above"][_START], "{:+.3f}"),
            ]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _curve(report: dict[str, Any]) -> str:
    by_count = report["labelled"]
    header = ["labelled users (tasks)"]
    header += [f"{int(count):,} ({len(curve['tasks'])})" for count, curve in by_count.items()]
    rows = [header, ["---"] * len(header)]
    for name in next(iter(by_count.values()))["models"]:
        cells = []
        for curve in by_count.values():
            row = curve["models"][name]
            cell = _with_interval(row["mean_auc"], "{:.3f}")
            if name != _OURS:
                cell += "; default " + _with_interval(row["default_above"], "{:+.3f}")
            cells.append(cell)
        rows.append([MODELS[name].description, *cells])
    return (
        f"### Few labels, `{report['data']}`\n\nMean AUC on {report['evaluated']:,} users by the "
        f"number of labelled ones, {len(report['seeds'])} draws; of the tasks with at least 5 "
        "users of every class.\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)
    )


def _with_interval(figures: dict[str, Any], form: str) -> str:
    low, high = figures["interval"]
    return f"{form.format(figures['mean'])} ({form.format(low)} to {form.format(high)})"


_CONTENT: dict[str, Callable[[], str]] = {
    "tables": _tables,
    "summary": lambda: _summary(measured()),
    "rows": _rows_of_the_paper,
}


if __name__ == "__main__":
    for each in PAGES:
        (_ROOT / each).write_text(results_page(each))
