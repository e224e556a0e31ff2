"""Writes the tables of quality in docs/results.md and README.md, from what was measured.

    python -m docs.generate_results

`python -m experiments.quality ... --output experiments/results` measures, and `python -m
experiments.few_labels ... --output experiments/results/few_labels/NAME.json`; a test compares the
pages with what this gives.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

from experiments.representations import MODELS

_ROOT = pathlib.Path(__file__).parents[1]
RESULTS = _ROOT / "experiments" / "results"
PAGES = {"docs/results.md": "tables", "README.md": "summary"}

_DATA_SETS = {
    "git-history": "commit subject lines of 12 projects",
    "git-large": "commit subject lines of 131 other projects",
    "poetry": "classical Chinese poems",
    "generated": "generated logs",
}
_OURS = "default"
_START = "untrained"
# Not what one would use instead, but other forms of ours.
_NO_RIVALS = {_OURS, _START, "paper"}


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
    begin, end = (f"<!-- {word} python -m docs.generate_results -->\n" for word in ("from", "end"))
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"{name} lacks the lines {begin.strip()} and {end.strip()}.")
    if PAGES[name] == "tables":
        tables = "\n\n".join([*map(_table, measured()), *map(_curve, curves())])
    else:
        tables = _summary(measured())
    return f"{before}{begin}\n{tables}\n{end}{after}"


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


if __name__ == "__main__":
    for each in PAGES:
        (_ROOT / each).write_text(results_page(each))
