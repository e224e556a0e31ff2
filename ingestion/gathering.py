"""Which way the records of a user come together, by the runner or by an option."""

from __future__ import annotations

import argparse
from typing import Literal, get_args

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

Way = Literal["files", "shuffle"]

# These keep in memory what passes through a GroupByKey. None: Beam's default is one of them.
_LOCAL_RUNNERS = (
    None,
    "DirectRunner",
    "BundleBasedDirectRunner",
    "FnApiRunner",
    "PrismRunner",
    "SwitchingDirectRunner",
)


class GatheringOptions(PipelineOptions):
    """How records are gathered by user."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--gathering",
            choices=("auto", *get_args(Way)),
            default="auto",
            help="How the records of a user come together: through files beside the output, or "
            "through the runner's own shuffle. auto: through files on Beam's local runners, which "
            "keep a shuffle in memory.",
        )


def way_of(options: PipelineOptions) -> Way:
    """Returns the way that records are gathered by.

    Args:
        options: Of the Beam pipeline.
    """
    way: Literal["auto", "files", "shuffle"] = options.view_as(GatheringOptions).gathering
    if way != "auto":
        return way
    runner = options.view_as(StandardOptions).runner
    return "files" if runner in _LOCAL_RUNNERS or _name(runner) in _LOCAL_RUNNERS else "shuffle"


def _name(runner: str) -> str:
    return runner.rpartition(".")[2]
