"""`python -m serving encode` and `nearest`."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from rich.console import Console
from rich.status import Status

from serving.releases import STABLE, ReleaseError, Releases
from serving.serve_command import quiet_tensorflow

EXIT_FAILED = 1
EXIT_USAGE = 2

_RUNNER = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"


def encode(args: argparse.Namespace) -> int:
    """Encodes all users of event logs; returns the exit code."""
    try:
        number = args.version or _default_version(args.model_dir)
    except ReleaseError as error:
        return _fail(error, EXIT_USAGE)
    path = os.path.join(args.model_dir, str(number))
    if not os.path.exists(os.path.join(path, "saved_model.pb")):
        return _fail(f"{args.model_dir} has no version {number}", EXIT_USAGE)
    console = Console(stderr=True, highlight=False)
    with console.status(f"version {number}: loading") as status:
        quiet_tensorflow()
        import apache_beam as beam
        import pydantic
        from apache_beam.options.pipeline_options import PipelineOptions

        from components.behavior_example_gen.errors import DataError
        from serving.bulk.config import EncodingConfig
        from serving.bulk.encoding import EncodingError, encode_events

        handler = _StatusHandler(status)
        progress = logging.getLogger("progress")
        progress.addHandler(handler)
        progress.setLevel(logging.INFO)
        progress.propagate = False
        try:
            config = EncodingConfig(
                columns={"user_id": args.user_id, "timestamp": args.timestamp, "text": args.text},
                max_bad_fraction=args.max_bad_fraction,
                period_days=args.period_days,
            )
            summary = encode_events(
                args.events,
                path,
                args.output,
                config,
                lambda: beam.Pipeline(options=PipelineOptions([_RUNNER, *args.beam_arg])),
            )
        except pydantic.ValidationError as error:
            return _fail(error, EXIT_USAGE)
        except (DataError, EncodingError) as error:
            return _fail(error, EXIT_FAILED)
        finally:
            progress.removeHandler(handler)
    console.print(
        f"{args.output}: {summary['users']:,} users of {summary['events']:,} events, "
        f"version {number}",
        soft_wrap=True,
    )
    return 0


def nearest(args: argparse.Namespace) -> int:
    """Prints the nearest users; returns the exit code."""
    from serving.bulk.vectors import nearest_users

    try:
        neighbors = nearest_users(args.vectors, args.user_id, args.count)
    except (KeyError, OSError) as error:
        return _fail(error.args[0] if isinstance(error, KeyError) else error, EXIT_USAGE)
    for neighbor in neighbors:
        print(f"{neighbor.similarity:.3f}  {neighbor.user_id}")
    return 0


class _StatusHandler(logging.Handler):
    """Shows what the progress logger says in one line that changes."""

    def __init__(self, status: Status):
        super().__init__()
        self._status = status

    def emit(self, record: logging.LogRecord) -> None:
        self._status.update(record.getMessage())


def _default_version(model_dir: str) -> int:
    versions = Releases(model_dir).versions()
    if not versions:
        raise ReleaseError(f"{model_dir} has no versions.")
    stable = [version.number for version in versions if STABLE in version.labels]
    return stable[0] if stable else versions[-1].number


def _fail(message, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code
