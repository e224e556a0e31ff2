"""The `estimate` command: what a run costs at a size, and what breaks first."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import NamedTuple

import rich.box
from rich.console import Console
from rich.table import Table

from contract import exit_codes
from contract.errors import UsageError
from pipeline.config import PipelineConfig, load_config
from pipeline.estimate.constants import constants
from pipeline.estimate.limits import Limit, limits
from pipeline.estimate.model import Estimate, estimate
from pipeline.estimate.size import Machine, Size

_SCALES = ("", "k", "M", "G", "T", "P")
_NIGHTS = 30


class Prices(NamedTuple):
    """What the user pays, in a currency of theirs; None where it was not said."""

    cpu_hour: float | None
    gpu_hour: float | None
    gb_month: float | None


def run(args: argparse.Namespace) -> int:
    """Prints the estimate; returns the exit code.

    Raises:
        UsageError: The configuration or an option is wrong.
    """
    config = load_config(args.config)
    size = Size(**{field.name: getattr(args, field.name) for field in dataclasses.fields(Size)})
    machine = Machine(args.cores, args.memory_gb * 1e9, args.disk_gb * 1e9, args.hours)
    prices = Prices(args.cpu_hour_price, args.gpu_hour_price, args.gb_month_price)
    if any(price is not None and price < 0 for price in prices):
        raise UsageError("A price is below 0.")
    measured = constants()
    found = estimate(config, size, measured)
    ranked = limits(found, machine)
    money = _money(found, prices)
    if args.json:
        print(
            json.dumps(
                {
                    "size": dataclasses.asdict(size),
                    "machine": dataclasses.asdict(machine),
                    "estimate": found.model_dump(),
                    "money": money,
                    "limits": [{**limit._asdict(), "share": limit.share} for limit in ranked],
                    "constants": measured.model_dump(),
                },
                indent=2,
            )
        )
        return exit_codes.OK
    _print(config, size, found, money, ranked, machine)
    return exit_codes.OK


def _money(found: Estimate, prices: Prices) -> dict[str, float]:
    """What has a price, in the user's currency."""
    money = {}
    if prices.cpu_hour is not None:
        money["data steps of a run"] = sum(found.cpu_hours.values()) * prices.cpu_hour
        money["training of a run, CPU"] = found.training_cpu_hours * prices.cpu_hour
        money["encoding every night, a month"] = _NIGHTS * found.nightly_cpu_hours * prices.cpu_hour
        money["serving at the peak all day, a month"] = (
            _NIGHTS * 24 * found.serving_cores * prices.cpu_hour
        )
    if prices.gpu_hour is not None:
        money["training of a run, GPU"] = found.training_gpu_hours * prices.gpu_hour
    if prices.gb_month is not None:
        money["artifacts of a run, a month"] = found.disk_bytes / 1e9 * prices.gb_month
    return money


def _print(
    config: PipelineConfig,
    size: Size,
    found: Estimate,
    money: dict[str, float],
    ranked: list[Limit],
    machine: Machine,
) -> None:
    console = Console(width=110, highlight=False)
    console.print(
        f"{config.name}: {size.users:,} users, {size.events:,.0f} behaviours, "
        f"{_bytes(size.events * size.event_bytes)} of logs"
    )
    table = Table(box=rich.box.HORIZONTALS)
    for column in ("what", "how much", ""):
        table.add_column(column, justify="right" if column == "how much" else "left")
    for step, hours in found.cpu_hours.items():
        twice = "of two, each over all events" if step in ("ExampleGen", "StatisticsGen") else ""
        name = "bulk encoding, every night" if step == "encoding" else step
        table.add_row(name, f"{_hours(hours)} of CPU", twice)
    whole = sum(found.cpu_hours.values())
    table.add_row(
        "data steps together",
        f"{_hours(whole)} of CPU",
        f"{_hours(whole / machine.cores)} on {machine.cores} cores",
    )
    epochs = f"{size.epochs:g} epochs"
    table.add_row("training without a GPU", f"{_hours(found.training_cpu_hours)} of CPU", epochs)
    table.add_row(
        "training on one V100",
        _hours(found.training_gpu_hours),
        f"{epochs}; the paper's own speed and shape, not measured here",
    )
    table.add_row("shuffle", _bytes(found.shuffle_bytes), "by user, of each ExampleGen")
    table.add_row("artifacts", _bytes(found.disk_bytes), "of one run")
    table.add_row("vectors", _bytes(found.vector_bytes), "of these")
    for way, text in (("files", "in files"), ("shuffle", "by a shuffle")):
        table.add_row(
            f"memory of a worker, gathering {text}",
            _bytes(found.worker_bytes[way]),
            f"buckets of {_bytes(found.bucket_bytes[way])} of logs",
        )
    if found.trainer_bytes:
        table.add_row("memory of the trainer", _bytes(found.trainer_bytes), "words in lists, least")
    table.add_row("memory of the Auditor", _bytes(found.auditor_bytes), "evaluated users")
    table.add_row("serving", f"{found.serving_cores:.1f} cores", f"{size.requests:g} requests/s")
    for name, amount in money.items():
        table.add_row(name, f"{amount:,.2f}", "at the prices given")
    console.print(table)
    if not money:
        console.print("No prices were given (--cpu-hour-price, ...), so there is no money here.")
    first = ranked[0]
    if first.share > 1:
        console.print(f"[bold]Breaks first: {first.name}[/]: {_limit(first)}. {first.remedy}.")
        for limit in (limit for limit in ranked[1:] if limit.share > 1):
            console.print(f"Then: {limit.name}: {_limit(limit)}. {limit.remedy}.")
    else:
        console.print(f"Nothing breaks; next to it is {first.name}: {_limit(first)}.")
    console.print(
        "Constants: pipeline/estimate/constants.json has each with its command and date, as --json "
        "does; docs/scale.md what was compared with measured runs, and what was not.",
        soft_wrap=True,
    )


def _limit(limit: Limit) -> str:
    show = _bytes if limit.unit == "bytes" else _hours
    return f"{show(limit.needed)} of {show(limit.available)}"


def _hours(hours: float) -> str:
    if hours < 1 / 60:
        return f"{hours * 3600:.1f} s"
    return f"{hours * 60:.1f} min" if hours < 1 else f"{hours:,.1f} h"


def _bytes(size: float) -> str:
    for scale in _SCALES:
        if size < 1000 or scale == _SCALES[-1]:
            break
        size /= 1000
    return f"{size:.0f} bytes" if not scale else f"{size:,.1f} {scale}B"
