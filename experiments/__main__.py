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
  python -m experiments table2 --data DIR --output OUT           # the same, and every row
  python -m experiments table2 --small --output OUT              # on generated logs, in minutes
  python -m experiments rows --data DIR --output OUT             # any folder of events and labels

  python -m experiments.quality DATA_DIR       # rows of any labelled folder, with what init writes
  python -m experiments.few_labels DATA_DIR    # the same by the number of labels

A command that was killed goes on where it was when it is called again.
"""

_TABLES = {
    "table2": "table 2: category preferences on Amazon's reviews",
    "table3": "table 3: category preferences on query logs",
    "table4": "table 4: gender and variety of English on Twitter and PAN17",
    "table5": "table 5: profiles on query logs",
    "rows": "every row of the tables on any labelled data",
}
_FIGURES = {
    "figure2": "figure 2: AUC by quartiles of activity",
    "figure3": "figure 3: principal components of user vectors",
    "hops": "AUC with one to eight hops",
    "weekly": "vectors of weeks, pooled, against vectors of everything",
    "training-time": "seconds and epochs until the loss has converged",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses the command line and runs one command; returns the exit code."""
    commands = CommandLine("python -m experiments", _DESCRIPTION)
    dataset = commands.add("dataset", _dataset, "write a published data set as events and labels")
    from experiments.dataset_command import add_datasets

    add_datasets(dataset)
    _add_measurements(commands)
    submission = commands.add(
        "recsys-submission",
        _recsys_submission,
        "write user vectors in the form of the RecSys Challenge 2025",
    )
    submission.add_argument("vectors", help="what `python -m serving encode` wrote")
    submission.add_argument("--output", required=True, metavar="DIR", help="of the two files")
    return commands.main(arguments)


def _add_measurements(commands: CommandLine) -> None:
    from experiments.datasets import DATASETS
    from experiments.paper.rows import LABELS
    from experiments.paper.setting import add_arguments

    of_table = {
        "table2": "amazon",
        "table3": "query-logs",
        "table4": "twitter",
        "table5": "query-logs",
    }
    for name, summary in {**_TABLES, **_FIGURES}.items():
        command = commands.add(name, _measure, summary)
        dataset = of_table.get(name, "amazon")
        command.set_defaults(command=name, dataset=dataset, budgets="", left_out=[])
        add_arguments(command)
        DATASETS[dataset].add_arguments(command)
        if name in _TABLES:
            command.add_argument(
                "--paper-values",
                metavar="YAML",
                help="the paper's values, in the form of experiments/paper/values.yaml",
            )
            command.add_argument(
                "--rows",
                nargs="*",
                choices=LABELS,
                metavar="ROW",
                help="measure these alone (default: all); of the others the table has what was "
                f"measured already. Rows: {', '.join(LABELS)}",
            )
            command.add_argument(
                "--budgets",
                default="",
                metavar="YAML",
                help="supervised rows that may try less than two learning rates and the epochs of "
                "the heads, as `{han: {rates: 1, epochs: 4}}`; the table says so",
            )
            command.add_argument(
                "--left-out",
                nargs=2,
                action="append",
                default=[],
                metavar=("ROW", "WHY"),
                help="a row that is not measured, and what the table says of it",
            )


def _measure(args: argparse.Namespace) -> int:
    from experiments.paper.command import measure

    return measure(args)


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
