"""What the pipeline's steps cost: the constants of `python -m pipeline estimate`, and its error.

    python -m benchmarks.scale measure --users 20000 --behaviors 50 --json runs/scale.jsonl
    python -m benchmarks.scale constants runs/scale.jsonl
    python -m benchmarks.scale compare runs/scale.jsonl

`measure` generates the logs of so many users, no two alike, as Parquet, and runs ExampleGen,
StatisticsGen, Transform, some training steps and bulk encoding on them, each in a process of its
own; it writes a line for every step as soon as it is done. CPU seconds are user and system time of
the process and its children, without the imports, for the machine may be busy; bytes are those of
the files. `constants` solves for the cost of a start, a user and an event from the first three
sizes of each step in the file; `compare` prints predicted against measured for the others, and for
all sizes of training, whose constants are those of `benchmarks.train_speed`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from contract.features import USER_ID
from contract.splits import TRAIN

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_USERS_AT_ONCE = 20_000
_ROWS_OF_A_FILE = 1_000_000
_STEPS_MEASURED = 4


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    measure = commands.add_parser("measure", help="measure the steps at one size")
    measure.add_argument("--users", type=int, required=True)
    measure.add_argument("--behaviors", type=float, required=True, help="of a user, on average")
    measure.add_argument("--json", required=True, help="file that gets a line for every step")
    measure.add_argument("--steps", nargs="+", choices=_STEPS, default=list(_STEPS))
    measure.add_argument(
        "--folder",
        type=pathlib.Path,
        help="for data and artifacts, which stay, so that other steps can follow (default: a new "
        "one, which goes)",
    )
    measure.add_argument(
        "--largest-user", type=int, default=0, metavar="EVENTS", help="one more user, of so many"
    )
    measure.add_argument("--run", choices=_STEPS, help=argparse.SUPPRESS)
    for name in ("constants", "compare"):
        each = commands.add_parser(name)
        each.add_argument("json", help="what `measure` wrote")
    args = parser.parse_args()
    if args.command == "measure":
        if args.run:
            print(json.dumps(_run(args.run, args.folder)))
            return
        with contextlib.ExitStack() as stack:
            folder = args.folder or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
            _measure(folder, args)
        return
    from benchmarks.scale_report import print_comparison, print_constants

    with open(args.json, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    (print_constants if args.command == "constants" else print_comparison)(lines)


def _measure(folder: pathlib.Path, args: argparse.Namespace) -> None:
    """Runs each step in a process of its own, and writes what it took."""
    if not (folder / "logs").exists():
        _generate(folder, args.users, args.behaviors)
        if args.largest_user:
            _add_user(folder / "logs", args.largest_user)
    events = _events(folder)
    command = [sys.executable, "-m", "benchmarks.scale", "measure", "--users", str(args.users)]
    command += ["--behaviors", str(args.behaviors), "--json", args.json, "--folder", str(folder)]
    for step in args.steps:
        result = subprocess.run([*command, "--run", step], capture_output=True, text=True)
        if result.returncode:
            raise SystemExit(result.stderr)
        found = json.loads(result.stdout.splitlines()[-1])
        line = {"step": step, "users": args.users, "events": events, **found}
        with open(args.json, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(line, file=sys.stderr, flush=True)


def _run(step: str, folder: pathlib.Path) -> dict[str, Any]:
    """Runs one step here; its CPU time is without that of the imports, which is told beside."""
    if step != "gathering":
        _imports()
    imports, started = _cpu(), time.monotonic()
    imported = _peak()
    found = _STEPS[step](folder)
    cpu = found.pop("cpu", _cpu() - imports)
    return {
        "cpu": round(cpu, 2),
        "seconds": round(time.monotonic() - started, 1),
        "imports": round(imports, 2),
        "peak_bytes": _peak(),
        "imports_bytes": imported,
        **found,
    }


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _cpu() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _generate(folder: pathlib.Path, users: int, behaviors: float) -> None:
    """Writes the events of generated users, some thousand users with a seed of their own at once.

    The labels are those of the first ones, in `generated`.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.json
    import pyarrow.parquet as pq

    from ingestion.synthetic_logs import generate

    logs = folder / "logs"
    logs.mkdir(parents=True)
    waiting: list[pa.Table] = []
    files = 0
    for seed, first in enumerate(range(0, users, _USERS_AT_ONCE)):
        number = min(users - first, _USERS_AT_ONCE)
        with tempfile.TemporaryDirectory(dir=folder) as later:
            made = pathlib.Path(later) if seed else folder / "generated"
            path, _ = generate(made, users=number, mean_behaviors=behaviors, seed=seed)
            table = pyarrow.json.read_json(path).select([USER_ID, "timestamp", "text"])
        if seed:
            ids = pc.binary_join_element_wise(table[USER_ID], str(seed), "-")
            table = table.set_column(0, USER_ID, ids)
        waiting.append(table)
        if first + number == users or sum(each.num_rows for each in waiting) >= _ROWS_OF_A_FILE:
            pq.write_table(pa.concat_tables(waiting), logs / f"{files:05d}.parquet")
            files, waiting = files + 1, []


def _add_user(logs: pathlib.Path, events: int) -> None:
    """Adds a file with the events of one user."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = range(events)
    table = {
        USER_ID: ["largest"] * events,
        "timestamp": [1_710_000_000 + number for number in numbers],
        "text": [f"page {number} of a robot" for number in numbers],
    }
    pq.write_table(pa.table(table), logs / "largest.parquet")


def _events(folder: pathlib.Path) -> int:
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in (folder / "logs").iterdir())


def _imports() -> None:
    import pipeline.pipeline
    import serving.bulk.encoding
    import trainer.encoder.run

    del pipeline, serving, trainer


def _component(name: str) -> Callable[[pathlib.Path], dict[str, Any]]:
    """Returns what runs up to a component; what it needs of earlier ones comes from the cache."""

    def run(folder: pathlib.Path) -> dict[str, Any]:
        from tfx.orchestration.local.local_dag_runner import LocalDagRunner
        from tfx.orchestration.metadata import sqlite_metadata_connection_config
        from tfx.orchestration.pipeline import RunOptions

        from pipeline.backend import Backend
        from pipeline.config import PipelineConfig
        from pipeline.pipeline import create_pipeline

        config = PipelineConfig.model_validate(
            {
                "name": "scale",
                "data": {
                    "events": str(folder / "logs"),
                    "labels": str(folder / "generated" / "labels.csv"),
                },
                "tasks": {"parent": {}},
            }
        )
        metadata = sqlite_metadata_connection_config(str(folder / "metadata.sqlite"))
        backend = Backend(str(folder / "artifacts"), str(folder / "serving"), metadata)
        created = create_pipeline(config, backend)
        LocalDagRunner().run(created, run_options=RunOptions(to_nodes=[name]))
        return {"bytes": _bytes(folder / "artifacts" / name), "bucket_bytes": _bucket_bytes(folder)}

    return run


def _bucket_bytes(folder: pathlib.Path) -> float:
    from ingestion.files import count_buckets, match_files

    files = match_files({"events": str(folder / "logs")})
    return sum(file.text_size for file in files) / count_buckets(files)


def _bytes(folder: pathlib.Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _gather(folder: pathlib.Path) -> dict[str, Any]:
    """Reads all events and brings them together by user through files, as ExampleGen does."""
    from ingestion.config import Columns
    from ingestion.files import count_buckets, match_files
    from ingestion.pieces import pieces_of
    from ingestion.readers import read_batches
    from ingestion.reading import PieceReader, of_whole_file
    from ingestion.rows import EventRows, LabelRows
    from ingestion.spill import Batches, SpillWriter, read_users
    from ingestion.timestamp_units import AUTO, Clock

    rows = EventRows(Columns(), html_entities=True), LabelRows(Columns(), {})
    reader = PieceReader(*rows, AUTO, read_batches)
    files = match_files({"events": str(folder / "logs")})
    buckets: dict[int, list[Batches]] = {}
    units: dict[int, Any] = {}
    size = number = 0
    with tempfile.TemporaryDirectory(dir=folder) as gathered:
        for file in files:
            found = []
            for piece in pieces_of(file):
                path = os.path.join(gathered, str(number := number + 1))
                writer = SpillWriter(path, count_buckets(files))
                found += [read for read in reader(piece, writer) if read is not None]
                for bucket, batches in writer.close().items():
                    buckets.setdefault(bucket, []).append(batches)
                size += os.path.getsize(path)
            units |= of_whole_file(found).timestamp_units
        read, before = Clock.of(units, AUTO), _peak()
        users = largest = 0
        for spilled in buckets.values():
            for user in read_users(spilled, read):
                users, largest = users + 1, max(largest, len(user.timestamps))
    return {
        "bytes": size,
        "read_users": users,
        "largest_user": largest,
        "bucket_bytes": _bucket_bytes(folder),
        "bucket_peak": _peak() - before,
    }


def _train(folder: pathlib.Path) -> dict[str, Any]:
    """Runs some steps of the paper's training, and exports the encoder for what follows."""
    import tensorflow_transform as tft

    from trainer.encoder.config import EncoderConfig
    from trainer.encoder.dataset import training_batches
    from trainer.encoder.served import ServedEncoder
    from trainer.encoder.training import build_training_model
    from trainer.encoder.user_encoder import UserEncoder
    from trainer.text.vocabulary import read_vocabulary

    (graph,) = (folder / "artifacts" / "Transform" / "transform_graph").iterdir()
    (examples,) = (folder / "artifacts" / "Transform" / "transformed_examples").iterdir()
    output = tft.TFTransformOutput(str(graph))
    config = EncoderConfig()
    vocabulary = len(read_vocabulary(output))
    model = build_training_model(config, vocabulary)
    batches = training_batches(
        [str(examples / f"Split-{TRAIN}" / "*")],
        output.transformed_feature_spec(),
        config,
        max_behaviors=100,
        training=True,
    )
    # The first step traces.
    iterator = iter(batches.repeat())
    train = model.make_train_function() or model.train_function
    train(iterator)
    before = _cpu()
    for _ in range(_STEPS_MEASURED):
        train(iterator)
    cpu = _cpu() - before
    encoder = UserEncoder(model.encoder)
    served = ServedEncoder(output.transform_features_layer(), encoder)
    served.export(str(folder / "serving" / "scale" / "1"))
    return {"cpu": cpu, "trained": _STEPS_MEASURED * config.batch_size, "vocabulary": vocabulary}


def _encode(folder: pathlib.Path) -> dict[str, Any]:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipeline.config import BeamConfig
    from serving.bulk.config import EncodingConfig
    from serving.bulk.encoding import encode_events

    encode_events(
        [str(folder / "logs")],
        str(folder / "serving" / "scale" / "1"),
        str(folder / "vectors"),
        EncodingConfig(),
        lambda: beam.Pipeline(options=PipelineOptions(list(BeamConfig().args))),
    )
    return {"bytes": _bytes(folder / "vectors")}


_STEPS: dict[str, Callable[[pathlib.Path], dict[str, Any]]] = {
    "ExampleGen": _component("UnlabelledExampleGen"),
    "StatisticsGen": _component("UnlabelledStatisticsGen"),
    "gathering": _gather,
    "Transform": _component("Transform"),
    "training": _train,
    "encoding": _encode,
}


if __name__ == "__main__":
    main()
