"""`python -m serving query`."""

from __future__ import annotations

import argparse
import sys

import numpy as np
import rich.box
from rich.console import Console
from rich.table import Table

from serving.client import ServingError, UserEncoderClient

EXIT_FAILED = 1


def query(args: argparse.Namespace) -> int:
    """Asks a server about one user and prints the answer; returns the exit code."""
    try:
        with UserEncoderClient(
            args.target, args.model, version=args.version, label=args.label
        ) as client:
            metadata = client.metadata(timeout=args.timeout)
            names = ["user_vector", *metadata.tasks]
            outputs = client.outputs([args.texts], names, timeout=args.timeout)
    except (ServingError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FAILED
    vector = outputs.pop("user_vector")[0]
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
    return 0
