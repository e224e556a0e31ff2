"""The command line: `python -m pipeline --help`."""

from __future__ import annotations

import argparse
import sys

_DESCRIPTION = """\
Universal user representations: from raw behaviour logs (user, time, text) to a served model that
turns a user's texts into one vector and, for every task, probabilities.

Start with your own data:
  1. Write a configuration:    python -m pipeline init --events logs/ --labels labels.csv > my.yaml
  2. Check it:                 python -m pipeline check my.yaml
  3. Train, evaluate, push:    python -m pipeline run my.yaml --output runs/mine

or with generated logs:        make demo
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
"""


def main(arguments: list[str] | None = None) -> int:
    """Parses the command line and runs one command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    run = commands.add_parser(
        "run",
        help="run the pipeline on this machine",
        description="Runs the pipeline: logs to a trained, evaluated and pushed model.",
        epilog=_RUN_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("config", help="the pipeline's YAML file")
    run.add_argument("--output", required=True, help="folder for everything the pipeline makes")
    run.add_argument("--no-cache", action="store_true", help="compute everything anew")

    check = commands.add_parser("check", help="check a configuration, without running anything")
    check.add_argument("config", help="the pipeline's YAML file")

    init = commands.add_parser(
        "init",
        help="write a configuration for your data",
        description="Looks at the label file and prints a configuration with its tasks.",
    )
    init.add_argument("--events", required=True, help="event file, glob or folder")
    init.add_argument("--labels", required=True, help="label file")
    init.add_argument("--name", default="users", help="name of the pipeline (default: users)")

    commands.add_parser("options", help="explain every key of the configuration")

    generate = commands.add_parser(
        "generate",
        help="generate behaviour logs to try things on",
        description="Generates logs of users with hidden interests, and labels to predict.",
    )
    generate.add_argument("folder", help="where events.jsonl.gz and labels.csv go")
    generate.add_argument("--users", type=int, default=2000, help="(default: 2000)")
    generate.add_argument(
        "--mean-behaviors", type=float, default=25, help="events per user (default: 25)"
    )
    generate.add_argument("--seed", type=int, default=0, help="(default: 0)")

    args = parser.parse_args(arguments)
    return _COMMANDS[args.command](args)


def _run(args: argparse.Namespace) -> int:
    from pipeline.run_command import run

    return run(args.config, args.output, use_cache=not args.no_cache)


def _check(args: argparse.Namespace) -> int:
    from pipeline.config import ConfigError, load_config
    from pipeline.run_command import EXIT_USAGE, check_environment

    try:
        config = load_config(args.config)
        check_environment(config)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    print(f"{args.config}: valid; pipeline {config.name}, tasks {', '.join(config.tasks)}")
    return 0


def _init(args: argparse.Namespace) -> int:
    from pipeline.config import ConfigError
    from pipeline.config_template import config_template
    from pipeline.run_command import EXIT_USAGE

    try:
        print(config_template(args.name, args.events, args.labels), end="")
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    return 0


def _options(args: argparse.Namespace) -> int:
    del args
    from pipeline.config_reference import config_reference

    print(config_reference(), end="")
    return 0


def _generate(args: argparse.Namespace) -> int:
    from pipeline.run_command import EXIT_USAGE
    from pipeline.synthetic_logs import generate

    try:
        generate(args.folder, users=args.users, mean_behaviors=args.mean_behaviors, seed=args.seed)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    print(f"{args.folder}: events.jsonl.gz and labels.csv of {args.users} users")
    return 0


_COMMANDS = {
    "run": _run,
    "check": _check,
    "init": _init,
    "options": _options,
    "generate": _generate,
}

if __name__ == "__main__":
    sys.exit(main())
