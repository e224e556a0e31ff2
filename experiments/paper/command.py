"""The commands of the tables and figures."""

from __future__ import annotations

import argparse

import pydantic
import yaml

from contract import exit_codes
from contract.errors import UsageError
from experiments.progress import show_progress
from serving.quiet import quiet_tensorflow


def measure(args: argparse.Namespace) -> int:
    """Runs a table or figure; returns the exit code.

    Args:
        args: With `command`, its name.

    Raises:
        UsageError: The options or the data cannot be used.
    """
    if not args.small:
        show_progress()
    # What TensorFlow and the packages below TFX say of themselves is not about the measurement.
    quiet_tensorflow()
    from experiments.paper import figures
    from experiments.paper.setting import setting
    from experiments.paper.tables import TABLES, table
    from experiments.paper.weekly import weekly

    try:
        made = setting(args)
    except (pydantic.ValidationError, yaml.YAMLError) as error:
        raise UsageError(f"--encoder: {error}") from error
    if args.command in TABLES:
        table(args.command, args, made)
    else:
        {
            "figure2": figures.figure2,
            "figure3": figures.figure3,
            "hops": figures.hops,
            "training-time": figures.training_time,
            "weekly": weekly,
        }[args.command](made)
    return exit_codes.OK
