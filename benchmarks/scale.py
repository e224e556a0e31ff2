"""What the pipeline's steps cost: the constants of `python -m pipeline estimate`, and its error.

    python -m benchmarks.scale measure --users 20000 --behaviors 50 --json runs/scale.jsonl
    python -m benchmarks.scale constants runs/scale.jsonl
    python -m benchmarks.scale compare runs/scale.jsonl

`measure` multiplies generated logs to so many users, as Parquet, and runs ExampleGen,
StatisticsGen, Transform, some training steps and bulk encoding on them, each in a process of its
own; it writes a line for every step as soon as it is done. CPU seconds are user and system time of
the process and its children, without the imports, for the machine may be busy; bytes are those of
the files. `constants` solves for the
cost of a start, a user and a behaviour from the first three sizes in the file, and prints what the
calculator reads; `compare` prints predicted against measured for the others.
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
from collections.abc import Callable, Sequence
from typing import Any

from contract.features import USER_ID
from contract.splits import TRAIN

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_GENERATED_USERS = 2000
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
            _measure(folder, args.users, args.behaviors, args.steps, args.json)
        return
    from benchmarks.scale_report import print_comparison, print_constants

    with open(args.json, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    (print_constants if args.command == "constants" else print_comparison)(lines)


def _measure(
    folder: pathlib.Path, users: int, behaviors: float, steps: Sequence[str], output: str
) -> None:
    """Runs each step in a process of its own, and writes what it took."""
    if not (folder / "logs").exists():
        _generate(folder, users, behaviors)
    events = _events(folder)
    command = [sys.executable, "-m", "benchmarks.scale", "measure", "--users", str(users)]
    command += ["--behaviors", str(behaviors), "--json", output, "--folder", str(folder)]
    for step in steps:
        result = subprocess.run([*command, "--run", step], capture_output=True, text=True)
        if result.returncode:
            raise SystemExit(result.stderr)
        found = json.loads(result.stdout.splitlines()[-1])
        line = {"step": step, "users": users, "events": events, **found}
        with open(output, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(line, file=sys.stderr, flush=True)


def _run(step: str, folder: pathlib.Path) -> dict[str, Any]:
    """Runs one step here; its CPU time is without that of the imports, which is told beside."""
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
    """Writes the events of generated users, and of as many copies of them as it takes."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.json
    import pyarrow.parquet as pq

    from ingestion.synthetic_logs import generate

    generated = min(users, _GENERATED_USERS)
    path, _ = generate(folder / "generated", users=generated, mean_behaviors=behaviors)
    table = pyarrow.json.read_json(path).select([USER_ID, "timestamp", "text"])
    logs = folder / "logs"
    logs.mkdir(parents=True)
    waiting: list[pa.Table] = []
    files = 0
    for copy in range(-(-users // generated)):
        ids = pc.binary_join_element_wise(table[USER_ID], str(copy), "-")
        waiting.append(table.set_column(0, USER_ID, ids))
        last = copy + 1 == -(-users // generated)
        if last or sum(each.num_rows for each in waiting) >= _ROWS_OF_A_FILE:
            whole = pa.concat_tables(waiting)
            pq.write_table(whole, logs / f"{files:05d}.parquet")
            files, waiting = files + 1, []


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


def _gathered(folder: pathlib.Path) -> dict[str, Any]:
    """Reads one file and writes it by buckets, as gathering does; its bytes for all events."""
    from ingestion.config import Columns
    from ingestion.files import match_files
    from ingestion.pieces import Piece
    from ingestion.readers import read_batches
    from ingestion.reading import PieceReader
    from ingestion.rows import EventRows, LabelRows
    from ingestion.spill import SpillWriter
    from ingestion.timestamp_units import AUTO

    rows = EventRows(Columns(), html_entities=True), LabelRows(Columns(), {})
    (file, *_) = match_files({"events": str(folder / "logs")})
    writer = SpillWriter(str(folder / "gathered"), 8)
    found = list(PieceReader(*rows, AUTO, read_batches)(Piece(file), writer))
    read = sum(each.statistics.events.records for each in found if each is not None)
    writer.close()
    size = sum(path.stat().st_size for path in folder.glob("gathered*"))
    return {"bytes": round(size * _events(folder) / read)}


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
    "shuffle": _gathered,
    "Transform": _component("Transform"),
    "training": _train,
    "encoding": _encode,
}


if __name__ == "__main__":
    main()
