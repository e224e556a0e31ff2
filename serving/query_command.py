"""`python -m serving query`."""

from __future__ import annotations

import argparse

import numpy as np
import rich.box
from rich.console import Console
from rich.table import Table

from contract import exit_codes
from contract.errors import UsageError
from contract.signatures import USER_VECTOR
from ingestion.errors import BadValue
from ingestion.values import parse_timestamp
from serving.client import UserEncoderClient


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
    table = Table(box=rich.box.HORIZONTALS)
    for column in ("task", "most likely class", "probabilities"):
        table.add_column(column)
    for task, (probabilities,) in sorted(outputs.items(), key=lambda item: -item[1].max()):
        table.add_row(
            task,
            str(int(probabilities.argmax())),
            "  ".join(f"{probability:.3f}" for probability in probabilities),
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"user vector: {len(vector)} numbers, norm {np.linalg.norm(vector):.3f} "
        f"({args.model} version {metadata.version})"
    )
    return exit_codes.OK


def _seconds(timestamps: list[str], texts: list[str]) -> list[float]:
    if len(timestamps) != len(texts):
        raise UsageError(
            f"--timestamps has {len(timestamps)} values for {len(texts)} texts; give one for every "
            "text, 0 where it is unknown."
        )
    try:
        return [parse_timestamp(timestamp) for timestamp in timestamps]
    except BadValue as error:
        raise UsageError(f"--timestamps: {error}") from error
