"""The size of a platform and of the machines, as the command line says it; loads nothing else."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from contract.errors import UsageError

DESCRIPTION = """\
Says on paper what a run costs at a size of yours: CPU hours, bytes, memory, training, serving, and
what breaks first. Nothing is run and no data is read; every number comes from constants that
benchmarks measured, named below the table. docs/scale.md has the error on measured runs.

  python -m pipeline estimate my.yaml --users 64000000 --behaviors 390
  python -m pipeline estimate my.yaml --users 1000000 --behaviors 50 --cores 64 \\
      --cpu-hour-price 0.04 --gpu-hour-price 2.5 --gb-month-price 0.02
"""


def _at_least(least: float, default: Any = dataclasses.MISSING) -> Any:
    return dataclasses.field(default=default, metadata={"least": least})


@dataclasses.dataclass(frozen=True)
class Size:
    """How large the platform is.

    Attributes:
        users: Users with behaviours.
        behaviors: Of a user, on average.
        event_bytes: Of an event in the logs, before compression.
        words: Of a behaviour, that the vocabulary has.
        labelled: Share of the users with labels.
        epochs: Epochs of the encoder's training.
        requests: A second to the served model, at the peak.

    Raises:
        UsageError: One of them is too small, or `labelled` no share.
    """

    users: int = _at_least(1)
    behaviors: float = _at_least(1)
    event_bytes: float = 100.0
    words: float = 5.0
    labelled: float = 0.1
    epochs: float = 10.0
    requests: float = 100.0

    def __post_init__(self) -> None:
        _check(self)
        if self.labelled > 1:
            raise UsageError(f"--labelled {self.labelled:g}: a share is at most 1.")

    @property
    def events(self) -> float:
        """Behaviours of all users."""
        return self.users * self.behaviors


@dataclasses.dataclass(frozen=True)
class Machine:
    """What there is to run on, and how long one waits.

    Attributes:
        cores: Of all workers of Beam together.
        memory: Bytes, of one worker, of the trainer and of the Auditor.
        disk: Bytes, of the pipeline root.
        hours: That data steps and training may take, each.

    Raises:
        UsageError: One of them is too small.
    """

    cores: int = _at_least(1, 16)
    memory: float = _at_least(1e8, 16e9)
    disk: float = _at_least(1e8, 1e12)
    hours: float = _at_least(0.01, 24.0)

    def __post_init__(self) -> None:
        _check(self)


def _check(given: Size | Machine) -> None:
    for field in dataclasses.fields(given):
        value, least = getattr(given, field.name), field.metadata.get("least", 0)
        # A comparison that NaN fails too.
        if not value >= least:
            option = field.name.replace("_", "-")
            raise UsageError(f"--{option} {value:g}: at least {least:g} is needed.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    size, machine = Size(users=1, behaviors=1), Machine()
    parser.add_argument("config", help="the pipeline's YAML file")
    parser.add_argument("--users", type=int, required=True, help="users with behaviours")
    parser.add_argument(
        "--behaviors", type=float, required=True, help="behaviours of a user, on average"
    )
    for option, field, text in (
        ("event-bytes", "event_bytes", "bytes of an event in the logs, uncompressed"),
        ("words", "words", "words of a behaviour that the vocabulary has"),
        ("labelled", "labelled", "share of the users with labels"),
        ("epochs", "epochs", "epochs of the encoder's training"),
        ("requests", "requests", "requests a second to the served model, at the peak"),
    ):
        default = getattr(size, field)
        parser.add_argument(
            f"--{option}", type=float, default=default, help=f"{text} (default: {default:g})"
        )
    parser.add_argument(
        "--cores", type=int, default=machine.cores, help="of all workers (default: %(default)s)"
    )
    for option, value, text in (
        ("memory-gb", machine.memory / 1e9, "of a worker, the trainer, the Auditor"),
        ("disk-gb", machine.disk / 1e9, "of the pipeline root"),
        ("hours", machine.hours, "that data steps and training may take, each"),
    ):
        parser.add_argument(
            f"--{option}", type=float, default=value, help=f"{text} (default: {value:g})"
        )
    for option, text in (
        ("cpu-hour-price", "of a core for an hour"),
        ("gpu-hour-price", "of a GPU for an hour"),
        ("gb-month-price", "of a gigabyte of the store for a month"),
    ):
        parser.add_argument(
            f"--{option}", type=float, help=f"price {text}; there is no default: prices are yours"
        )
    parser.add_argument("--json", action="store_true", help="print JSON")
