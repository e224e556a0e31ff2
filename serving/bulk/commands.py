"""`python -m serving encode` and `nearest`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging

from rich.console import Console
from rich.status import Status

from contract import exit_codes
from contract.errors import UsageError
from contract.features import USER_ID
from serving.bulk.user_ids import read_user_ids
from serving.quiet import quiet_tensorflow
from serving.releases.releases import STABLE, ReleaseError, Releases
from serving.releases.versions import is_complete, version_path

_RUNNER = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"


def encode(args: argparse.Namespace) -> int:
    """Encodes all users of event logs; returns the exit code."""
    number = args.version or _default_version(args.model_dir)
    path = version_path(args.model_dir, number)
    if not is_complete(path):
        raise ReleaseError(f"{args.model_dir} has no version {number}")
    console = Console(stderr=True, highlight=False)
    with console.status(f"version {number}: loading") as status:
        quiet_tensorflow()
        import apache_beam as beam
        import pydantic
        import yaml
        from apache_beam.options.pipeline_options import PipelineOptions

        from serving.bulk.config import EncodingConfig
        from serving.bulk.encoding import encode_events
        from serving.saved_model import further_channels

        further = further_channels(path)
        handler = _StatusHandler(status)
        progress = logging.getLogger("progress")
        progress.addHandler(handler)
        progress.setLevel(logging.INFO)
        progress.propagate = False
        try:
            config = EncodingConfig(
                columns={
                    **{USER_ID: args.user_id, "timestamp": args.timestamp, "text": args.text},
                    **{each.column: getattr(args, each.column) for each in further},
                },
                channels=[each.name for each in further if each.name not in args.without],
                max_bad_fraction=args.max_bad_fraction,
                timestamp_unit=args.timestamp_unit,
                html_entities=not args.no_html_entities,
                losses=yaml.safe_load(args.losses),
                period_days=args.period_days,
            )
            summary = encode_events(
                args.events,
                path,
                args.output,
                config,
                lambda: beam.Pipeline(options=PipelineOptions([_RUNNER, *args.beam_arg])),
                previous=args.previous,
                forget=read_user_ids(args.forget) if args.forget else (),
            )
        except (pydantic.ValidationError, yaml.YAMLError) as error:
            raise UsageError(str(error)) from error
        finally:
            progress.removeHandler(handler)
    carried = f", {summary['carried_over']:,} of them carried over" if args.previous else ""
    console.print(
        f"{args.output}: {summary['users']:,} users of {summary['events']:,} events{carried}, "
        f"version {number}",
        soft_wrap=True,
    )
    for warning in summary["warnings"]:
        console.print(f"warning: {warning}", soft_wrap=True, markup=False)
    return exit_codes.OK


def nearest(args: argparse.Namespace) -> int:
    """Prints the nearest users; returns the exit code."""
    from serving.bulk.vectors import nearest_users

    if args.count < 1:
        raise UsageError(f"--count {args.count}: at least 1 is needed.")
    neighbors = nearest_users(args.vectors, args.user_id, args.count)
    if args.json:
        print(json.dumps([dataclasses.asdict(each) for each in neighbors], indent=2))
        return exit_codes.OK
    for neighbor in neighbors:
        print(f"{neighbor.similarity:.3f}  {neighbor.user_id}")
    return exit_codes.OK


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
