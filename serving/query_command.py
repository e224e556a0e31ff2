"""`python -m serving query`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import rich.box
from rich.markup import escape
from rich.table import Table

from contract import exit_codes
from contract.errors import UsageError
from contract.event_channels import VALUE
from contract.signatures import USER_VECTOR
from ingestion.channel_columns import channel_columns
from ingestion.errors import BadValue
from ingestion.timestamps import parse_moment
from serving.client import UserEncoderClient
from serving.releases.releases import Releases
from serving.wide_console import wide_console


def query(args: argparse.Namespace) -> int:
    """Asks a server about one user and prints the answer; returns the exit code."""
    timestamps, types, values = _events(args)
    try:
        client = UserEncoderClient(args.target, args.model, version=args.version, label=args.label)
    except ValueError as error:
        raise UsageError(str(error)) from error
    with client:
        metadata = client.metadata(timeout=args.timeout)
        names = [USER_VECTOR, *metadata.tasks]
        outputs = client.outputs(
            [args.texts],
            names,
            timestamps=timestamps,
            types=types,
            values=values,
            timeout=args.timeout,
        )
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


def _events(args: argparse.Namespace) -> tuple[Any, Any, Any]:
    """The moments, types and values of the one user, where they are given."""
    return (
        _given("--timestamps", args.timestamps, args.texts, "0", parse_moment),
        _given("--types", args.types, args.texts, '""', str),
        _given("--values", args.values, args.texts, '""', channel_columns([VALUE.name])[0].parse),
    )


def _given(
    option: str,
    values: list[str] | None,
    texts: list[str],
    unknown: str,
    parse: Callable[[str], Any],
) -> list[list[Any]] | None:
    if values is None:
        return None
    if len(values) != len(texts):
        raise UsageError(
            f"{option} has {len(values)} values for {len(texts)} texts; give one for every "
            f"text, {unknown} where it is unknown."
        )
    try:
        return [[parse(value) for value in values]]
    except BadValue as error:
        raise UsageError(f"{option}: {error}") from error
