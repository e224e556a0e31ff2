"""How many labels does a user vector save? AUC by the number of labelled users.

    python -m experiments.few_labels DATA_DIR
    python -m experiments.few_labels DATA_DIR --labelled 100 1000 --models tfidf-time default

DATA_DIR is as for `python -m experiments.quality`. Vectors are fitted without labels on all users
of `train`; then heads, or logistic regression for TF-IDF, on so many labelled users that a seed
draws, the same ones for all models; `eval` is measured. A task is left out where one of its classes
has fewer than 5 of the labelled users.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys
import tempfile

import numpy as np
from rich.console import Console
from rich.table import Table

from audit.statistics.bootstrap import resampling_weights
from contract import exit_codes
from contract.splits import TRAIN, VALIDATION
from experiments.areas import MEAN, task_areas
from experiments.labelled_users import LabelledUsers, PreparedData, configuration, prepare
from experiments.quality import RESAMPLES, figures_of
from experiments.representations import MODELS, check_times, of_vectors
from ingestion.errors import DataError
from pipeline.config import ConfigError
from serving.quiet import quiet_tensorflow
from trainer.heads.config import HeadsConfig

_FEWEST_OF_A_CLASS = 5
_SHARE_FOR_VALIDATION = 1 / 8
_OURS = "default"
_RIVALS, _TIMED_RIVALS = ("tfidf", "word2vec"), ("tfidf-time", "word2vec-time")


def main(arguments: list[str] | None = None) -> int:
    """Parses the command line, fits and measures; returns the exit code."""
    args = _parser().parse_args(arguments)
    quiet_tensorflow()
    console = Console(stderr=True)
    try:
        config = configuration(args.data_dir, {})
        with tempfile.TemporaryDirectory() as scratch:
            folder = os.path.join(
                args.work_dir or scratch, os.path.basename(os.path.abspath(args.data_dir))
            )
            console.log(f"{args.data_dir}: words and examples, tasks {', '.join(config.tasks)}")
            channels = config.data.ingestion.channels
            models = args.models or [*(_TIMED_RIVALS if "time" in channels else _RIVALS), _OURS]
            check_times(models, channels)
            data = prepare(config, folder)
            weights = resampling_weights(len(data.evaluation.word_ids), RESAMPLES)
            runs = {
                name: [
                    _curve(name, data, args.labelled, seed, folder, weights, console)
                    for seed in args.seeds
                ]
                for name in models
            }
    except (ConfigError, DataError) as error:
        print(f"error: {error}", file=sys.stderr)
        return exit_codes.USAGE
    report = _report(args, data, runs)
    _print(report)
    if args.output:
        pathlib.Path(args.output).write_text(json.dumps(report, indent=2) + "\n")
    return exit_codes.OK


def draw(data: PreparedData, count: int, seed: int) -> tuple[PreparedData, list[str]]:
    """Draws labelled users.

    Args:
        data: All of them.
        count: How many to draw, an eighth of them for validation.
        seed: Another draws others.

    Returns:
        The data with these users alone in `train` and `validation`, and the tasks that they have
        enough labels for.

    Raises:
        ConfigError: There are fewer.
    """
    rng = np.random.default_rng(seed)
    validation = max(round(count * _SHARE_FOR_VALIDATION), 1)
    drawn = {}
    for split, users, size in (
        (TRAIN, data.train, count - validation),
        (VALIDATION, data.validation, validation),
    ):
        if size > len(users.word_ids):
            raise ConfigError(
                f"--labelled {count}: {split} has {len(users.word_ids):,} labelled users, and "
                f"{size:,} are needed. Name a smaller number."
            )
        drawn[split] = _only(users, rng.permutation(len(users.word_ids))[:size])
    tasks = [task for task, classes in data.tasks.items() if _enough(drawn, task, classes)]
    smaller = data._replace(
        tasks={task: data.tasks[task] for task in tasks},
        train=drawn[TRAIN],
        validation=drawn[VALIDATION],
    )
    return smaller, tasks


def _only(users: LabelledUsers, rows: np.ndarray) -> LabelledUsers:
    return LabelledUsers(
        [users.word_ids[row] for row in rows],
        {name: [numbers[row] for row in rows] for name, numbers in users.events.items()},
        [users.texts[row] for row in rows],
        {task: (classes[rows], weights[rows]) for task, (classes, weights) in users.labels.items()},
    )


def _enough(drawn: dict[str, LabelledUsers], task: str, classes: int) -> bool:
    known = np.concatenate(
        [users.labels[task][0][users.labels[task][1] > 0] for users in drawn.values()]
    )
    return bool((np.bincount(known, minlength=classes) >= _FEWEST_OF_A_CLASS).all())


def _curve(
    name: str,
    data: PreparedData,
    counts: list[int],
    seed: int,
    folder: str,
    weights: np.ndarray,
    console: Console,
) -> dict[int, dict[str, np.ndarray]]:
    """The areas of one model and seed, by the number of labelled users."""
    model, found = MODELS[name], {}
    with tempfile.TemporaryDirectory(dir=folder) as logs:
        if model.fit_vectors is not None:
            # No label has a part in the vectors: they are the same for every number.
            vectors = model.fit_vectors(data, seed, logs)
            model = of_vectors(model.description, lambda *_: vectors)
        for count in counts:
            drawn, tasks = draw(data, count, seed)
            if not tasks:
                raise ConfigError(
                    f"--labelled {count}: no task has {_FEWEST_OF_A_CLASS} users of every class "
                    "among so few. Name a larger number."
                )
            probabilities = model.evaluate(drawn, seed, HeadsConfig(), os.path.join(logs, "heads"))
            found[count] = task_areas(
                {task: probabilities[task] for task in tasks}, data.evaluation, weights
            )
            console.log(f"{name}, seed {seed}, {count:,} labelled: {found[count][MEAN][0]:.3f}")
    return found


def _report(args, data: PreparedData, runs) -> dict:
    """What is written as JSON; means are over the tasks that every seed has."""
    curves: dict[str, dict] = {}
    for count in args.labelled:
        tasks = set.intersection(
            *(set(run[count]) - {MEAN} for of_model in runs.values() for run in of_model)
        )
        if not tasks:
            raise ConfigError(f"--labelled {count}: the seeds have no task in common.")
        means = {
            name: np.stack(
                [np.mean([run[count][t] for t in sorted(tasks)], axis=0) for run in each]
            )
            for name, each in runs.items()
        }
        curves[str(count)] = {
            "tasks": sorted(tasks),
            "models": {
                name: {
                    "mean_auc": figures_of(areas),
                    "default_above": figures_of(means[_OURS] - areas) if _OURS in means else None,
                }
                for name, areas in means.items()
            },
        }
    return {
        "data": os.path.basename(os.path.abspath(args.data_dir)),
        "seeds": args.seeds,
        "evaluated": len(data.evaluation.word_ids),
        "labelled": curves,
    }


def _print(report: dict) -> None:
    counts = list(report["labelled"])
    table = Table(
        title=f"mean AUC by labelled users, on {report['evaluated']:,} others, "
        f"{len(report['seeds'])} seeds; below, how far the default is above"
    )
    table.add_column("model")
    for count in counts:
        tasks = len(report["labelled"][count]["tasks"])
        table.add_column(f"{int(count):,} ({tasks} tasks)", justify="right")
    for name in report["labelled"][counts[0]]["models"]:
        cells = []
        for count in counts:
            row = report["labelled"][count]["models"][name]
            cell = "{:.3f}\n{:.3f}-{:.3f}".format(
                row["mean_auc"]["mean"], *row["mean_auc"]["interval"]
            )
            if row["default_above"] and name != _OURS:
                above = row["default_above"]
                cell += "\n{:+.3f} ({:+.3f} to {:+.3f})".format(above["mean"], *above["interval"])
            cells.append(cell)
        table.add_row(name, *cells)
    Console(width=None if sys.stdout.isatty() else 40 + 28 * len(counts)).print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_dir", help="folder with events and labels")
    parser.add_argument(
        "--labelled",
        type=int,
        nargs="+",
        default=[100, 300, 1000, 3000],
        metavar="USERS",
        help="how many labelled users (default: 100 300 1000 3000)",
    )
    parser.add_argument(
        "--models",
        nargs="+",
        choices=MODELS,
        metavar="NAME",
        help="rows of `experiments.quality` (default: tfidf, word2vec, both with time where there "
        "are times, and default)",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="as many draws")
    parser.add_argument("--work-dir", metavar="DIR", help="keep the prepared examples here")
    parser.add_argument("--output", metavar="FILE", help="also write everything as JSON")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
