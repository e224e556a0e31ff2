"""Speed of reading logs and gathering them by user, and of the whole ExampleGen.

    python -m benchmarks.ingestion_speed --events 1000000

Generates logs of 50 behaviours a user, in the order of time, as JSONL, CSV and Parquet. Each
measurement runs in a process of its own; events are told per second of CPU, children and threads
counted, without what imports take. Beside it what a user might take instead: the same grouping to
Parquet by DuckDB and by pandas, neither of which checks anything.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from contract.features import USER_ID

_FORMATS = ("jsonl", "csv", "parquet")
_MEAN_BEHAVIORS = 50


class _Measured(NamedTuple):
    cpu: float
    wall: float
    peak_mb: float


def _reading(path: pathlib.Path, by_record: bool) -> Callable[[], object]:
    from ingestion.config import Columns
    from ingestion.files import count_buckets, match_files
    from ingestion.pieces import Piece, pieces_of
    from ingestion.readers import read_batches, read_records
    from ingestion.reading import PieceReader, of_whole_file
    from ingestion.rows import EventRows, LabelRows
    from ingestion.spill import SpillWriter, read_users
    from ingestion.timestamp_units import AUTO, Clock

    def one_by_one(piece: Any, columns: tuple[str, ...], remedy: str) -> Iterator[Any]:
        return read_records(piece.file, columns, remedy)

    def run() -> int:
        rows = EventRows(Columns(), html_entities=True), LabelRows(Columns(), {})
        reader = PieceReader(*rows, AUTO, one_by_one if by_record else read_batches)
        files = match_files({"events": str(path)})
        buckets: dict[int, list[Any]] = {}
        found = []
        with tempfile.TemporaryDirectory() as folder:
            pieces = [Piece(files[0])] if by_record else pieces_of(files[0])
            for number, piece in enumerate(pieces):
                writer = SpillWriter(os.path.join(folder, str(number)), count_buckets(files))
                found += [read for read in reader(piece, writer) if read is not None]
                for bucket, batches in writer.close().items():
                    buckets.setdefault(bucket, []).append(batches)
            clock = Clock.of(of_whole_file(found).timestamp_units, AUTO)
            return sum(1 for spilled in buckets.values() for _ in read_users(spilled, clock))

    return run


def _records(path: pathlib.Path) -> Callable[[], object]:
    return _reading(path, by_record=True)


def _columns(path: pathlib.Path) -> Callable[[], object]:
    return _reading(path, by_record=False)


def _example_gen(path: pathlib.Path) -> Callable[[], object]:
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.types import standard_artifacts, standard_component_specs
    from tfx.utils import proto_utils

    from components.behavior_example_gen.component import BehaviorExampleGen
    from components.behavior_example_gen.executor import Executor
    from ingestion.config import IngestionConfig
    from pipeline.config import BeamConfig

    component = BehaviorExampleGen(str(path.parent), path.name, IngestionConfig())
    properties = {
        name: proto_utils.proto_to_json(value) if hasattr(value, "DESCRIPTOR") else value
        for name, value in component.spec.exec_properties.items()
    }
    context = BaseBeamExecutor.Context(beam_pipeline_args=list(BeamConfig().args))

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            examples = standard_artifacts.Examples()
            examples.uri = folder
            Executor(context).Do(
                {}, {standard_component_specs.EXAMPLES_KEY: [examples]}, properties
            )

    return run


def _duckdb(path: pathlib.Path) -> Callable[[], object]:
    import duckdb

    read = {"jsonl": "read_json", "csv": "read_csv", "parquet": "read_parquet"}
    columns = "list(timestamp ORDER BY timestamp) AS timestamps, list(text ORDER BY timestamp)"

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            duckdb.sql(
                f"COPY (SELECT user_id, {columns} AS texts "  # noqa: S608 - paths of our own
                f"FROM {read[path.suffix[1:]]}('{path}') GROUP BY user_id) "
                f"TO '{folder}/users.parquet' (FORMAT parquet)"
            )

    return run


def _pandas(path: pathlib.Path) -> Callable[[], object]:
    import pandas as pd

    read: dict[str, Callable[..., Any]] = {
        "jsonl": lambda source: pd.read_json(source, lines=True),
        "csv": pd.read_csv,
        "parquet": pd.read_parquet,
    }

    def run() -> None:
        events = read[path.suffix[1:]](path).sort_values([USER_ID, "timestamp"], kind="stable")
        users = events.groupby(USER_ID, sort=False)[["timestamp", "text"]].agg(list)
        with tempfile.TemporaryDirectory() as folder:
            users.to_parquet(os.path.join(folder, "users.parquet"))

    return run


_STEPS = {
    "record by record": _records,
    "as columns": _columns,
    "whole ExampleGen": _example_gen,
    "DuckDB": _duckdb,
    "pandas": _pandas,
}


def main() -> None:
    """Runs the command line: measures every format and step, or runs one step itself."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3, help="The fastest of so many counts.")
    parser.add_argument("--formats", nargs="+", choices=_FORMATS, default=_FORMATS)
    parser.add_argument("--steps", nargs="+", choices=_STEPS, default=list(_STEPS))
    parser.add_argument("--run", choices=_STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=pathlib.Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        _run(args.run, args.file)
        return
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a child's peak begins with its parent's.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            events = pool.apply(_generate, (pathlib.Path(folder), args.events))
        print(f"{events:,} events; per second of CPU")
        print(f"{'':<9}{'':<19}{'events/s':>10}{'ratio':>7}{'CPU s':>8}{'wall s':>8}{'peak MB':>9}")
        for format_ in args.formats:
            first = 0.0
            for step in args.steps:
                runs = [
                    _measure(step, pathlib.Path(folder) / f"events.{format_}")
                    for _ in range(args.repeats)
                ]
                best = min(runs)
                first = first or best.cpu
                print(
                    f"{format_:<9}{step:<19}{events / best.cpu:>10,.0f}{first / best.cpu:>7.2f}"
                    f"{best.cpu:>8.2f}{best.wall:>8.2f}{best.peak_mb:>9.0f}",
                    flush=True,
                )


def _generate(folder: pathlib.Path, events: int) -> int:
    """Writes the same logs in every format; returns how many events they have."""
    import pyarrow.csv
    import pyarrow.json
    import pyarrow.parquet

    from ingestion.synthetic_logs import generate

    generate(folder, users=max(events // _MEAN_BEHAVIORS, 1), mean_behaviors=_MEAN_BEHAVIORS)
    table = pyarrow.json.read_json(folder / "events.jsonl.gz")
    table = table.select([USER_ID, "timestamp", "text"]).sort_by("timestamp")
    pyarrow.parquet.write_table(table, folder / "events.parquet")
    pyarrow.csv.write_csv(table, folder / "events.csv")
    table.to_pandas().to_json(folder / "events.jsonl", orient="records", lines=True)
    rows: int = table.num_rows
    return rows


def _measure(step: str, path: pathlib.Path) -> _Measured:
    """Runs a step in a new process."""
    command = [sys.executable, "-m", "benchmarks.ingestion_speed", "--run", step]
    result = subprocess.run([*command, "--file", str(path)], capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(result.stderr)
    return _Measured(*map(float, result.stdout.split()[-3:]))


def _run(step: str, path: pathlib.Path) -> None:
    run = _STEPS[step](path)
    before, started = _cpu(), time.monotonic()
    run()
    cpu, wall = _cpu() - before, time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{cpu} {wall} {peak}")


def _cpu() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


if __name__ == "__main__":
    main()
