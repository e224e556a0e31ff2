"""What all commands share: the data, prepared, the rows that are kept, and the sizes of a run."""

from __future__ import annotations

import argparse
import pathlib
import sys
from typing import NamedTuple

import yaml

from contract.errors import UsageError
from experiments.dataset_command import write_dataset
from experiments.datasets.writer import CONFIG
from experiments.labelled_users import PreparedData, configuration, prepare
from experiments.paper.measure import Rows
from experiments.paper.small import write_small
from experiments.supervised.rows import Budget, with_budgets
from pipeline.config import PipelineConfig, load_config
from pipeline.presets import PRESETS
from trainer.encoder.config import EncoderConfig


class Setting(NamedTuple):
    """What a table or a figure is made of.

    Attributes:
        config: Of the data.
        data: The users.
        rows: Of these users.
        folder: Where results go.
        seeds: Each is one run of each row.
        resamples: Of the bootstrap.
        small: Whether it is to be seen that the command works, and nothing else.
        budgets: Supervised row to what it may try, if that is less than it has of itself.
        left_out: Row to why it is not measured.
    """

    config: PipelineConfig
    data: PreparedData
    rows: Rows
    folder: pathlib.Path
    seeds: list[int]
    resamples: int
    small: bool
    budgets: dict[str, Budget]
    left_out: dict[str, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what every table and figure takes."""
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="the data set as it is published; or a folder with a config.yaml, as `dataset` and "
        "`python -m pipeline init` write it; or one with events.* and labels.*, whose words and "
        "tasks are those that `init` finds, without the moments, which only `weekly` looks at",
    )
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="for results, and for what is kept"
    )
    parser.add_argument(
        "--small", action="store_true", help="on generated logs, to see the command work"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="(default: 0 1 2)")
    parser.add_argument(
        "--encoder",
        default="",
        metavar="YAML",
        help="the encoder of SUMN and its variants, as `{preset: small}` (default: as in "
        "config.yaml)",
    )
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        help="paper: division, encoder and heads to the paper's letter, in place of what the "
        "configuration has; official: as its authors' code has them (default: what is fitted to "
        "the number of users, or the adapter's, which is the paper's)",
    )


def setting(args: argparse.Namespace) -> Setting:
    """Writes the data set if need be, and prepares it by the pipeline's own components.

    Args:
        args: As of `add_arguments`, with `dataset` and that one's options.

    Raises:
        UsageError: Neither --data nor --small is given, or the data cannot be used.
    """
    folder = pathlib.Path(args.output)
    folder.mkdir(parents=True, exist_ok=True)
    config = _config(args, folder)
    if args.preset:
        config = by_preset(config, args.preset)
    if args.encoder:
        section = EncoderConfig.model_validate(yaml.safe_load(args.encoder))
        config = config.model_copy(update={"encoder": section})
    _show("words and examples")
    data = prepare(config, str(folder / "prepared"))
    budgets = read_budgets(args.budgets)
    rows = Rows(data, config, folder / "rows", _show, with_budgets(budgets))
    seeds, resamples = ([0], 50) if args.small else (args.seeds, 1000)
    left_out = dict(args.left_out)
    return Setting(config, data, rows, folder, seeds, resamples, args.small, budgets, left_out)


def read_budgets(text: str) -> dict[str, Budget]:
    """Reads what supervised rows may try.

    >>> read_budgets("{han: {rates: 1, epochs: 4}}")
    {'han': Budget(rates=1, epochs=4)}

    Args:
        text: YAML; empty for none.

    Raises:
        UsageError: It has another form.
    """
    try:
        content = yaml.safe_load(text) or {}
        budgets = {row: Budget(**budget) for row, budget in content.items()}
    except (yaml.YAMLError, AttributeError, TypeError) as error:
        raise UsageError(f"--budgets: write {{ROW: {{rates: 1, epochs: 4}}}} ({error}).") from error
    for row, budget in budgets.items():
        if not all(isinstance(number, int) and number > 0 for number in budget):
            raise UsageError(f"--budgets: {row}: rates and epochs are whole numbers from 1.")
    return budgets


def _config(args: argparse.Namespace, folder: pathlib.Path) -> PipelineConfig:
    if args.small:
        write_small(folder / "data")
        return load_config(str(folder / "data" / CONFIG))
    if not args.data:
        raise UsageError("--data names the data set; --small does without.")
    if (pathlib.Path(args.data) / CONFIG).exists():
        return load_config(str(pathlib.Path(args.data) / CONFIG))
    if any(pathlib.Path(args.data).glob("events.*")):
        found = configuration(args.data, {})
        if args.command == "weekly":
            return found
        ingestion = found.data.ingestion.model_copy(update={"channels": ()})
        return found.model_copy(
            update={"data": found.data.model_copy(update={"ingestion": ingestion})}
        )
    write_dataset(argparse.Namespace(**{**vars(args), "output": str(folder / "data")}))
    return load_config(str(folder / "data" / CONFIG))


def by_preset(config: PipelineConfig, preset: str) -> PipelineConfig:
    """A configuration with a preset of the whole in place of what that sets.

    Args:
        config: Whose data, tasks and words stay.
        preset: Key of `PRESETS`.
    """
    content = config.model_dump(exclude_unset=True)
    for section, keys in PRESETS[preset].items():
        if section in ("encoder", "heads"):
            content.pop(section, None)
        else:
            own = content.setdefault(section, {})
            content[section] = {key: own[key] for key in own if key not in keys}
    content["data"].setdefault("division", config.data.ingestion.division.model_dump())
    return PipelineConfig.model_validate({**content, "preset": preset})


def _show(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
