"""How good are the user vectors? What `init` configures against what one would use instead.

    python -m experiments.quality DATA_DIR
    python -m experiments.quality DATA/shop DATA/poems --output results --work-dir work
    python -m experiments.quality DATA_DIR --models default --encoder 1-hop '{hops: 1}'

DATA_DIR holds the behaviours of users, `events.jsonl.gz` (or .jsonl, .csv, .csv.gz, .parquet:
user_id, timestamp, text), and `labels.csv` (user_id and a column a task, binary or with more
classes; empty is a missing label). Tasks and classes are found in the labels.

With --work-dir a killed command goes on where it was: what a model reached with a seed is kept
there until the code, the data or the configuration changes.

Everything is the pipeline's own: splits, words, training of the encoder, heads. Vectors are fitted
without labels on the users of `train`, heads on the labelled ones; `validation` stops both; `eval`,
20 % of the users, is only measured. Printed is the AUC (one-vs-rest, macro, for more than two
classes), the mean over seeds, with its 95 % interval from a bootstrap over the users of `eval`
and over the seeds; differences are paired, both models on the same draws.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import pathlib
import sys
import tempfile
import time

import numpy as np
import pydantic
import yaml
from rich.console import Console
from rich.table import Table

from audit.statistics.bootstrap import resampling_weights
from contract import exit_codes
from contract.splits import EVAL, TRAIN, VALIDATION
from experiments.areas import MEAN, task_areas
from experiments.bootstrap import interval
from experiments.kept_areas import KeptAreas, Run
from experiments.labelled_users import configuration, prepare
from experiments.progress import show_progress
from experiments.representations import MODELS, Model, check_times, encoder, known_models
from ingestion.errors import DataError
from pipeline.config import ConfigError
from serving.quiet import quiet_tensorflow
from trainer.heads.config import HeadsConfig

RESAMPLES = 1000
_PACKAGES = ("tensorflow", "keras", "tfx", "gensim", "scikit-learn")


def main(arguments: list[str] | None = None) -> int:
    """Parses the command line, fits and measures; returns the exit code."""
    args = _parser().parse_args(arguments)
    # What TensorFlow and the packages below TFX say of themselves is not about the measurement.
    quiet_tensorflow()
    console = Console(stderr=True)
    show_progress()
    try:
        names = [os.path.basename(os.path.abspath(folder)) for folder in args.data_dirs]
        if len(set(names)) < len(names):
            raise ConfigError(f"two folders have the same name: {', '.join(names)}. Rename one.")
        with tempfile.TemporaryDirectory() as scratch:
            for name, data_dir in zip(names, args.data_dirs, strict=True):
                folder = os.path.join(args.work_dir or scratch, name)
                report = _measured(args, data_dir, folder, console)
                _print(report)
                if args.output:
                    os.makedirs(args.output, exist_ok=True)
                    path = pathlib.Path(args.output, f"{name}.json")
                    path.write_text(json.dumps(report, indent=2) + "\n")
    except (ConfigError, DataError, pydantic.ValidationError, yaml.YAMLError) as error:
        print(f"error: {error}", file=sys.stderr)
        return exit_codes.USAGE
    return exit_codes.OK


def _measured(args, data_dir: str, folder: str, console: Console) -> dict:
    """Prepares one data set, and fits and measures all models on it."""
    config = configuration(data_dir, yaml.safe_load(args.text), args.channels)
    console.log(f"{data_dir}: words and examples, tasks {', '.join(config.tasks)}")
    models = _models(args, config.data.ingestion.channels)
    heads = HeadsConfig.model_validate(yaml.safe_load(args.heads))
    data = prepare(config, folder)
    console.log(f"{data_dir}: {len(data.evaluation.word_ids):,} users are evaluated")
    kept = KeptAreas(os.path.join(folder, "areas"), config, heads)
    areas, seconds = _measure(data, models, heads, args.seeds, folder, kept, console)
    return _report(args, data_dir, config, data, models, areas, seconds)


def _parser() -> argparse.ArgumentParser:
    models = "\n".join(f"  {name:<17}{model.description}" for name, model in MODELS.items())
    parser = argparse.ArgumentParser(
        description=f"{__doc__}\nmodels:\n{models}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "data_dirs", nargs="+", metavar="DATA_DIR", help="folder with events and labels"
    )
    parser.add_argument(
        "--text",
        default="{}",
        metavar="YAML",
        help="what the section `text` has instead of what `init` writes",
    )
    parser.add_argument(
        "--channels",
        nargs="*",
        metavar="NAME",
        help="channels of the events instead of those that `init` writes; without a NAME none",
    )
    parser.add_argument(
        "--models",
        nargs="+",
        choices=MODELS,
        metavar="NAME",
        help="which to measure; by default all but `paper` and `sentences`, which take long, and "
        "those of time and of types only where `init` finds such",
    )
    parser.add_argument(
        "--encoder",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "YAML"),
        help="also measure an encoder of this configuration, a YAML mapping as in `encoder:`",
    )
    parser.add_argument(
        "--heads", default="{}", metavar="YAML", help="the heads' configuration, as in `heads:`"
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="each is one run of each model"
    )
    parser.add_argument(
        "--output", metavar="DIR", help="also write everything there, a file NAME.json a data set"
    )
    parser.add_argument(
        "--work-dir", metavar="DIR", help="keep prepared examples and what is measured here"
    )
    return parser


def _models(args, channels: tuple[str, ...]) -> dict[str, Model]:
    """The models that the command line names, by name."""
    if args.models:
        check_times(args.models, channels)
    models = {name: MODELS[name] for name in args.models or known_models(channels)}
    for name, fields in args.encoder:
        models[name] = encoder(**yaml.safe_load(fields))
    return models


def _measure(data, models, heads, seeds, folder, kept, console):
    """Fits every model with every seed.

    Returns:
        Per model, per task (and for their mean), float [seeds, 1 + resamples] of AUC, the first on
        the users as they are; and per model the seconds that a seed took.
    """
    weights = resampling_weights(len(data.evaluation.word_ids), RESAMPLES)
    areas, seconds = {}, {}
    for name, model in models.items():
        runs = []
        for seed in seeds if model.seeded else seeds[:1]:
            run = kept.read(name, model.description, seed)
            if run is None:
                started = time.monotonic()
                with tempfile.TemporaryDirectory(dir=folder) as logs:
                    probabilities = model.evaluate(data, seed, heads, logs)
                run_areas = task_areas(probabilities, data.evaluation, weights)
                run = Run(run_areas, time.monotonic() - started)
                kept.write(name, model.description, seed, run)
            runs.append(run)
            figures = " ".join(f"{task} {area[0]:.3f}" for task, area in run.areas.items())
            console.log(f"{name}, seed {seed}: {figures}")
        # What no seed changes counts as often as the others, so that both are paired.
        runs *= len(seeds) // len(runs)
        areas[name] = {task: np.stack([run.areas[task] for run in runs]) for task in runs[0].areas}
        seconds[name] = float(np.mean([run.seconds for run in runs]))
    return areas, seconds


def _report(args, data_dir, config, data, models, areas, seconds) -> dict:
    """What is written as JSON."""
    return {
        "data": os.path.basename(os.path.abspath(data_dir)),
        "date": datetime.date.today().isoformat(),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "text": config.text.model_dump(),
        "encoder": config.encoder.model_dump(),
        "channels": config.data.ingestion.channels,
        "heads": args.heads,
        "seeds": args.seeds,
        "users": {
            TRAIN: len(data.train.word_ids),
            VALIDATION: len(data.validation.word_ids),
            EVAL: len(data.evaluation.word_ids),
        },
        "models": {
            name: {
                "description": models[name].description,
                "seconds": round(seconds[name], 1),
                "auc": {task: figures_of(runs) for task, runs in tasks.items()},
                # Paired: both models on the same draws of users.
                "mean_auc_above": {
                    other: figures_of(tasks[MEAN] - areas[other][MEAN])
                    for other in areas
                    if other != name
                },
            }
            for name, tasks in areas.items()
        },
    }


def figures_of(runs: np.ndarray) -> dict:
    """The mean over seeds, every seed, and the bootstrap's interval."""
    low, high = interval(runs)
    return {
        "mean": round(float(runs[:, 0].mean()), 4),
        "seeds": [round(float(area), 4) for area in runs[:, 0]],
        "interval": [round(float(low), 4), round(float(high), 4)],
    }


def _print(report: dict) -> None:
    tasks = list(next(iter(report["models"].values()))["auc"])
    table = Table(
        title=f"AUC on {report['users'][EVAL]} users, mean of {len(report['seeds'])} seeds, "
        "95 % bootstrap interval"
    )
    table.add_column("model")
    for task in tasks:
        table.add_column(task, justify="right")
    table.add_column("seconds", justify="right")
    for name, model in report["models"].items():
        cells = (
            "{:.3f}\n{:.3f}-{:.3f}".format(
                model["auc"][task]["mean"], *model["auc"][task]["interval"]
            )
            for task in tasks
        )
        table.add_row(name, *cells, f"{model['seconds']:.0f}")
    # A file or a pipe has no width of its own.
    width = None if sys.stdout.isatty() else 40 + 14 * len(tasks)
    Console(width=width).print(table)


if __name__ == "__main__":
    raise SystemExit(main())
