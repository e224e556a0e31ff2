"""The command line: `python -m pipeline --help`."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Sequence

from contract import exit_codes
from contract.command_line import CommandLine
from pipeline.estimate.size import DESCRIPTION, add_arguments

_DESCRIPTION = """\
Universal user representations: from raw behaviour logs (user, time, text) to a served model that
turns a user's texts into one vector and, for every task, probabilities.

Start with your own data:
  1. Write a configuration:    python -m pipeline init --events logs/ --labels labels.csv > my.yaml
  2. Check it:                 python -m pipeline check my.yaml
  3. Train, evaluate, push:    python -m pipeline run my.yaml --output runs/mine

or with generated logs:        make demo
"""

_INIT_DESCRIPTION = """\
Looks at the events and the labels and prints a configuration that `check` accepts: columns, tasks
with their classes, and a preset for that many users, whom it counts. Columns that are not named
are looked for by the names that people give them; the configuration says which were taken.
"""

_RUN_EPILOG = """\
The output folder has the model in serving/, ML Metadata in metadata.sqlite, all artifacts in
artifacts/, and for every run its log, configuration and summary in runs/.

A second run uses every earlier result whose data, configuration and code are unchanged.

exit codes:
  0  the model was blessed and is the newest in the serving folder
  1  a component failed; the log says why, the same command resumes
  2  the command line, the configuration or the output folder is wrong
  3  the model was not blessed, and therefore not pushed
  130, 143  ended by Ctrl-C or SIGTERM; the same command resumes
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses the command line and runs one command; returns the exit code."""
    # Google's packages, which Beam loads, say so of every older Python.
    warnings.simplefilter("ignore", FutureWarning)
    commands = CommandLine("python -m pipeline", _DESCRIPTION)

    run = commands.add(
        "run",
        _run,
        "run the pipeline on this machine",
        description="Runs the pipeline: logs to a trained, evaluated and pushed model.",
        epilog=_RUN_EPILOG,
    )
    run.add_argument("config", help="the pipeline's YAML file")
    run.add_argument("--output", required=True, help="folder for everything the pipeline makes")
    _add_data(run)
    run.add_argument("--no-cache", action="store_true", help="compute everything anew")

    check = commands.add("check", _check, "check a configuration and the data's first rows")
    check.add_argument("config", help="the pipeline's YAML file")
    _add_data(check)

    init = commands.add(
        "init",
        _init,
        "write a configuration for your data",
        description=_INIT_DESCRIPTION,
    )
    init.add_argument("--events", required=True, help="event file, glob or folder")
    init.add_argument("--labels", required=True, help="label file, glob or folder")
    init.add_argument("--user-id", metavar="COLUMN", help="the user's id in the events")
    init.add_argument("--timestamp", metavar="COLUMN", help="when it happened, in the events")
    init.add_argument("--text", metavar="COLUMN", help="what the user did, in the events")
    init.add_argument("--type", metavar="COLUMN", help="of what kind it was, in the events")
    init.add_argument("--value", metavar="COLUMN", help="its number, as a price, in the events")
    init.add_argument("--label-user-id", metavar="COLUMN", help="the user's id in the labels")
    init.add_argument(
        "--kubeflow", action="store_true", help="write the section for `kubeflow compile` as well"
    )
    init.add_argument("--name", default="users", help="name of the pipeline (default: users)")

    options = commands.add("options", _options, "explain every key of the configuration")
    options.add_argument("--json", action="store_true", help="print a JSON schema")

    estimate = commands.add(
        "estimate",
        _estimate,
        "say what a run costs at a size, and what breaks first",
        description=DESCRIPTION,
    )
    add_arguments(estimate)

    generate = commands.add(
        "generate",
        _generate,
        "generate behaviour logs to try things on",
        description="Generates logs of users with hidden interests, and labels to predict.",
    )
    generate.add_argument("folder", help="where events.jsonl.gz and labels.csv go")
    generate.add_argument("--users", type=int, default=2000, help="(default: 2000)")
    generate.add_argument(
        "--mean-behaviors", type=float, default=25, help="events per user (default: 25)"
    )
    generate.add_argument("--seed", type=int, default=0, help="(default: 0)")
    generate.add_argument(
        "--typed",
        action="store_true",
        help="give every event a type, as view or buy, and a value, its price; the rest stays as "
        "it is without",
    )

    return commands.main(arguments)


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data",
        metavar="FOLDER",
        help="folder that data.events and data.labels count from (default: the configuration's)",
    )


def _run(args: argparse.Namespace) -> int:
    from pipeline.run_command import run

    return run(args.config, args.output, data_folder=args.data, use_cache=not args.no_cache)


def _check(args: argparse.Namespace) -> int:
    from pipeline.check_command import check

    return check(args.config, args.data)


def _init(args: argparse.Namespace) -> int:
    from pipeline.init_command import Names, init

    names = Names(
        user_id=args.user_id,
        timestamp=args.timestamp,
        text=args.text,
        label_user_id=args.label_user_id,
        type=args.type,
        value=args.value,
    )
    print(init(args.name, args.events, args.labels, names, kubeflow=args.kubeflow), end="")
    return exit_codes.OK


def _options(args: argparse.Namespace) -> int:
    from pipeline.config import PipelineConfig
    from pipeline.config_reference import config_reference

    if args.json:
        print(json.dumps(PipelineConfig.model_json_schema(), indent=2))
    else:
        print(config_reference(), end="")
    return exit_codes.OK


def _estimate(args: argparse.Namespace) -> int:
    from pipeline.estimate.command import run

    return run(args)


def _generate(args: argparse.Namespace) -> int:
    from contract.errors import UsageError
    from ingestion.synthetic_logs import generate

    try:
        generate(
            args.folder,
            users=args.users,
            mean_behaviors=args.mean_behaviors,
            seed=args.seed,
            typed=args.typed,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    print(f"{args.folder}: events.jsonl.gz and labels.csv of {args.users} users")
    return exit_codes.OK


if __name__ == "__main__":
    sys.exit(main())
