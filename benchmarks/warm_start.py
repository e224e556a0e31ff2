"""What a new model means for who uses the vectors of the last one: aligned, and not.

    python -m benchmarks.warm_start FOLDER

Generates logs (`python -m pipeline generate`), trains and pushes a model on the earlier 70 % of the
events, and retrains on all of them twice: as for the first time with another seed, and with
`serving.compatible_with: previous`. Both are measured against the first model on the same users of
the evaluation split (`audit.compatibility`). A call that died goes on where it was.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
from typing import Any

import rich.box
import yaml
from rich.table import Table

from contract.splits import EVAL
from ingestion import synthetic_logs
from serving.quiet import quiet_tensorflow
from serving.releases.versions import complete_versions, version_path
from serving.wide_console import wide_console

_TASKS = ("likes_outdoor", "likes_cooking", "parent")
_EARLIER = 0.7


def main() -> None:
    """Runs the three pipelines and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="for data and outputs")
    parser.add_argument("--users", type=int, default=2000, help="(default: 2000)")
    args = parser.parse_args()
    folder = os.path.abspath(args.folder)
    _generate(folder, args.users)
    output, other = os.path.join(folder, "aligned"), os.path.join(folder, "unaligned")
    serving = os.path.join(output, "serving", "shop")
    if not os.path.exists(serving):
        _run(folder, "earlier", output, compatible=True)
    first = version_path(serving, complete_versions(serving)[0])
    _run(folder, "all", output, compatible=True)
    _run(folder, "all", other, compatible=False, seed=1)
    quiet_tensorflow()
    from audit.compatibility import measure
    from trainer.heads.alignment import read_alignment

    rows = []
    for name, where in (("as for the first time", other), ("compatible", output)):
        pushed = os.path.join(where, "serving", "shop")
        model = version_path(pushed, complete_versions(pushed)[-1])
        alignment = read_alignment(model)
        rotation = alignment.rotation if alignment else None
        examples = os.path.join(where, "artifacts", "LabelledExampleGen", "examples")
        newest = max(os.listdir(examples), key=int)
        pattern = os.path.join(examples, newest, f"Split-{EVAL}", "*")
        rows.append((name, measure(model, first, [pattern], _TASKS, rotation=rotation)))
    wide_console().print(_table(rows))


def _generate(folder: str, users: int) -> None:
    data = os.path.join(folder, "data")
    if os.path.exists(os.path.join(data, "earlier.jsonl")):
        return
    synthetic_logs.generate(data, users=users)
    with gzip.open(os.path.join(data, "events.jsonl.gz"), "rt", encoding="utf-8") as file:
        lines = sorted(file, key=lambda line: json.loads(line)["timestamp"])
    for name, count in (("all", len(lines)), ("earlier", int(_EARLIER * len(lines)))):
        with open(os.path.join(data, f"{name}.jsonl"), "w", encoding="utf-8") as file:
            file.writelines(lines[:count])


def _run(folder: str, events: str, output: str, *, compatible: bool, seed: int = 0) -> None:
    config = {
        "name": "shop",
        "data": {
            "events": os.path.join(folder, "data", f"{events}.jsonl"),
            "labels": os.path.join(folder, "data", "labels.csv"),
            "channels": ["time"],
        },
        "tasks": dict.fromkeys(_TASKS),
        "encoder": {"preset": "small", "seed": seed},
        "evaluation": {"min_auc": 0.5, "max_auc_drop": None},
        "serving": {"compatible_with": "previous" if compatible else None},
    }
    path = os.path.join(folder, f"{os.path.basename(output)}-{events}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file)
    command = [sys.executable, "-m", "pipeline", "run", path, "--output", output]
    subprocess.run(command, check=True)


def _table(rows: list[tuple[str, dict[str, Any]]]) -> Table:
    table = Table(box=rich.box.HORIZONTALS)
    columns = ("retraining", "mean cosine", "10 nearest across", "10 nearest within")
    for column in (*columns, *(f"{task}: old heads / new / old model" for task in _TASKS)):
        table.add_column(column)
    shown = []
    for name, found in rows:
        if found["aligned"]:
            shown.append((f"{name}, had nothing been turned", found, found["unaligned"]))
        shown.append((name, found, found["aligned"] or found["unaligned"]))
    for name, found, served in shown:
        figures = [
            f"{served['mean_cosine']:.3f}",
            f"{served['neighbours_across']:.3f}",
            f"{found['neighbours_within']:.3f}",
        ]
        for task in _TASKS:
            aucs = (served["old_heads"], found["new_heads"], found["old_model"])
            figures.append(" / ".join(f"{each[task]:.3f}" for each in aucs))
        table.add_row(name, *figures)
    return table


if __name__ == "__main__":
    main()
