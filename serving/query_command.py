"""`python -m serving query`."""

from __future__ import annotations

import argparse
import json

import numpy as np
import rich.box
from rich.markup import escape
from rich.table import Table

from contract import exit_codes
from contract.errors import UsageError
from contract.signatures import USER_VECTOR
from ingestion.errors import BadValue
from ingestion.timestamps import parse_moment
from serving.client import UserEncoderClient
from serving.releases.releases import Releases
from serving.wide_console import wide_console


def query(args: argparse.Namespace) -> int:
    """Asks a server about one user and prints the answer; returns the exit code."""
    timestamps = None if args.timestamps is None else [_seconds(args.timestamps, args.texts)]
    try:
        client = UserEncoderClient(args.target, args.model, version=args.version, label=args.label)
    except ValueError as error:
        raise UsageError(str(error)) from error
    with client:
        metadata = client.metadata(timeout=args.timeout)
        names = [USER_VECTOR, *metadata.tasks]
        outputs = client.outputs([args.texts], names, timestamps=timestamps, timeout=args.timeout)
    vector = outputs.pop(USER_VECTOR)[0]
    classes = _classes(args.model_dir, metadata.version) if args.model_dir else {}
    tasks = []
    for task, (probabilities,) in sorted(outputs.items(), key=lambda item: -item[1].max()):
        names = classes.get(task, [])
        if len(names) != len(probabilities):
            names = [str(index) for index in range(len(probabilities))]
        tasks.append((task, dict(zip(names, probabilities.tolist(), strict=True))))
    if args.json:
        answer = {
            "model": args.model,
            "version": metadata.version,
            "tasks": dict(tasks),
            USER_VECTOR: vector.tolist(),
        }
        print(json.dumps(answer, indent=2, ensure_ascii=False))
        return exit_codes.OK
    table = Table(box=rich.box.HORIZONTALS)
    for column in ("task", "most likely class", "probabilities"):
        table.add_column(column)
    for task, probability in tasks:
        table.add_row(
            escape(task),
            escape(max(probability, key=lambda name: probability[name])),
            escape("  ".join(f"{name} {value:.3f}" for name, value in probability.items())),
        )
    console = wide_console()
    console.print(table)
    console.print(
        f"user vector: {len(vector)} numbers, norm {np.linalg.norm(vector):.3f} "
        f"({args.model} version {metadata.version})"
    )
    if not classes:
        console.print(
            "Classes are numbered: --model-dir names the folder whose model card has them."
        )
    return exit_codes.OK


def _classes(model_dir: str, version: int) -> dict[str, list[str]]:
    """Task to the names of its classes, from the version's model card."""
    for each in Releases(model_dir).versions():
        if each.number == version:
            return each.card.get("tasks", {})
    raise UsageError(f"--model-dir: {model_dir} has no version {version}, which the server has.")


def _seconds(timestamps: list[str], texts: list[str]) -> list[float]:
    if len(timestamps) != len(texts):
        raise UsageError(
            f"--timestamps has {len(timestamps)} values for {len(texts)} texts; give one for every "
            "text, 0 where it is unknown."
        )
    try:
        return [parse_moment(timestamp) for timestamp in timestamps]
    except BadValue as error:
        raise UsageError(f"--timestamps: {error}") from error
