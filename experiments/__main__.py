"""The measurements' command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from contract import exit_codes
from contract.command_line import CommandLine

_DESCRIPTION = """\
The paper as commands: its data sets, its tables and its figures.

  python -m experiments dataset amazon --data DIR --output OUT   # events, labels, configuration
  python -m experiments quality DATA_DIR                         # rows of any labelled folder
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses the command line and runs one command; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments[:1] == ["quality"]:
        from experiments import quality

        return quality.main(arguments[1:])
    commands = CommandLine("python -m experiments", _DESCRIPTION)
    dataset = commands.add("dataset", _dataset, "write a published data set as events and labels")
    from experiments.dataset_command import add_datasets

    add_datasets(dataset)
    submission = commands.add(
        "recsys-submission",
        _recsys_submission,
        "write user vectors in the form of the RecSys Challenge 2025",
    )
    submission.add_argument("vectors", help="what `python -m serving encode` wrote")
    submission.add_argument("--output", required=True, metavar="DIR", help="of the two files")
    return commands.main(arguments)


def _dataset(args: argparse.Namespace) -> int:
    from experiments.dataset_command import dataset

    return dataset(args)


def _recsys_submission(args: argparse.Namespace) -> int:
    from experiments.datasets.recsys_submission import write_submission

    users, dimension = write_submission(args.vectors, args.output)
    print(f"{args.output}: {users:,} users, {dimension} numbers each")
    return exit_codes.OK


if __name__ == "__main__":
    sys.exit(main())
