"""Peak memory of ExampleGen, StatisticsGen and Transform against the number of events.

    python -m benchmarks.ingestion_memory --events 250000 1000000 2000000
    python -m benchmarks.ingestion_memory --events 250000 --largest-user 1000000

Generates logs with 50 behaviours a user, runs the pipeline's own components on them, each step in a
process of its own, and prints peak memory, time, and both as a ratio to the smallest log. With
`--largest-user` every log is measured twice: without and with one more user of so many events.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

from contract.features import USER_ID

_MEAN_BEHAVIORS = 50
_STEPS = {
    "ExampleGen": "UnlabelledExampleGen",
    "StatisticsGen": "UnlabelledExampleValidator",
    "Transform": "Transform",
}
"""Steps, and the component that is the last of each."""


def main() -> None:
    """Runs the command line: measures every size and step, or runs one step itself."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, nargs="+", default=[250_000, 1_000_000, 2_000_000])
    parser.add_argument("--largest-user", type=int, default=0, metavar="EVENTS")
    parser.add_argument("--step", choices=_STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step:
        _run_step(args.step, pathlib.Path(args.folder))
        return

    from ingestion.synthetic_logs import generate

    first: dict[str, tuple[float, float]] = {}
    logs = [
        (events, largest) for events in sorted(args.events) for largest in {0, args.largest_user}
    ]
    print(f"{'events':>10}  {'step':<14}{'peak MB':>9}{'ratio':>7}{'seconds':>9}{'ratio':>7}")
    for events, largest in sorted(logs):
        with tempfile.TemporaryDirectory() as folder:
            path, _ = generate(folder, events // _MEAN_BEHAVIORS, _MEAN_BEHAVIORS)
            _add_user(path, largest)
            for step in _STEPS:
                peak, seconds = _measure(step, folder)
                base = first.setdefault(step, (peak, seconds))
                print(
                    f"{events + largest:>10,}  {step:<14}{peak:>9.0f}{peak / base[0]:>7.2f}"
                    f"{seconds:>9.1f}{seconds / base[1]:>7.2f}",
                    flush=True,
                )


def _add_user(path: pathlib.Path, events: int) -> None:
    """Adds a user with so many events, as another member of the gzip file."""
    with gzip.open(path, "at", encoding="utf-8") as file:
        for number in range(events):
            line = {
                USER_ID: "largest",
                "timestamp": 1_710_000_000 + number,
                "text": f"page {number}",
            }
            file.write(json.dumps(line) + "\n")


def _measure(step: str, folder: str) -> tuple[float, float]:
    """Runs a step in a new process; returns its peak memory in MB and its time in seconds."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.ingestion_memory",
        "--step",
        step,
        "--folder",
        folder,
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(result.stderr)
    peak, seconds = result.stdout.split()[-2:]
    return float(peak), float(seconds)


def _run_step(step: str, folder: pathlib.Path) -> None:
    """Runs the components of a step; those of the step before come from the cache."""
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.orchestration.metadata import sqlite_metadata_connection_config
    from tfx.orchestration.pipeline import RunOptions

    from pipeline.backend import Backend
    from pipeline.config import PipelineConfig
    from pipeline.pipeline import create_pipeline

    config = PipelineConfig.model_validate(
        {
            "name": "memory",
            "data": {
                "events": str(folder / "events.jsonl.gz"),
                "labels": str(folder / "labels.csv"),
            },
            "tasks": {"parent": {}},
        }
    )
    pipeline = create_pipeline(
        config,
        Backend(
            pipeline_root=str(folder / "artifacts"),
            serving_dir=str(folder / "serving"),
            metadata_connection_config=sqlite_metadata_connection_config(
                str(folder / "metadata.sqlite")
            ),
        ),
    )
    started = time.monotonic()
    LocalDagRunner().run(pipeline, run_options=RunOptions(to_nodes=[_STEPS[step]]))
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{peak:.0f} {seconds:.1f}")


if __name__ == "__main__":
    main()
