"""The `dataset` command: a published data set becomes events, labels and a configuration."""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
from typing import Any

from contract import exit_codes
from experiments.datasets import DATASETS
from experiments.datasets.writer import CONFIG, REPORT, DataSetError, DataSetWriter
from pipeline.config import load_config


def add_datasets(parser: argparse.ArgumentParser) -> None:
    """Adds a command of its own for every data set, with that one's options."""
    commands = parser.add_subparsers(required=True, metavar="name", dest="dataset")
    for name, module in DATASETS.items():
        doc = module.__doc__ or ""
        command = commands.add_parser(
            name,
            help=doc.splitlines()[0].rstrip("."),
            description=doc,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument("--data", required=True, metavar="DIR", help="as it is published")
        command.add_argument("--output", required=True, metavar="DIR", help="for what is written")
        module.add_arguments(command)


def dataset(args: argparse.Namespace) -> int:
    """Runs the command; a folder that has the same already is left as it is."""
    report = write_dataset(args)
    print(_summary(args, report))
    return exit_codes.OK


def write_dataset(args: argparse.Namespace) -> dict[str, Any]:
    """Writes a data set, unless the folder has it already.

    Args:
        args: `dataset`, `data`, `output` and the data set's own options.

    Returns:
        The report: what was read, written, dropped.

    Raises:
        DataSetError: The data are not as they are published.
    """
    data, output = pathlib.Path(args.data), pathlib.Path(args.output)
    if not data.is_dir():
        raise DataSetError(f"{data}: is no folder. --data names the one with the published files.")
    called = {
        name: value
        for name, value in sorted(vars(args).items())
        if isinstance(value, str | int | None) and name not in ("output",)
    } | {"data": str(data.resolve())}
    finished = output / REPORT
    if finished.exists():
        report: dict[str, Any] = json.loads(finished.read_text())
        if report.get("arguments") == called:
            return report
    with DataSetWriter(output, _show) as writer:
        writer.facts = {"dataset": args.dataset, "arguments": called}
        DATASETS[args.dataset].write(data, writer, args)
        # What was written is what a pipeline takes.
        load_config(str(output / CONFIG))
    return json.loads(finished.read_text())


def _show(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _summary(args: argparse.Namespace, report: dict[str, Any]) -> str:
    lines = [
        f"{args.dataset}: {report['events']:,} events and {report['labelled_users']:,} labelled "
        f"users of {report['records']:,} records",
        f"  {report['records_per_second']:,} records a second, "
        f"{report['records_per_cpu_second']:,} in a second of one processor's time",
    ]
    in_paper = report.get("labelled_users_in_the_paper")
    if in_paper:
        lines.append(f"  the paper has {in_paper:,} labelled users")
    lines += [f"  {name}: {number:,} users" for name, number in report["labels"].items()]
    for reason, number in report["dropped"].items():
        places = report["first_dropped"].get(reason, [])
        first = f" (first {', '.join(places)})" if places else ""
        lines.append(f"  dropped {number:,} {reason}{first}")
    config = pathlib.Path(args.output) / CONFIG
    lines.append(f"  next: python -m pipeline check {config}")
    return "\n".join(lines)
