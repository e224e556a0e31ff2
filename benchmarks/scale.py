"""What the pipeline's steps cost: the constants of `python -m pipeline estimate`, and its error.

    python -m benchmarks.scale measure --users 20000 --behaviors 50 --json runs/scale.jsonl
    python -m benchmarks.scale constants runs/scale.jsonl
    python -m benchmarks.scale compare runs/scale.jsonl

`measure` multiplies generated logs to so many users, as Parquet, and runs ExampleGen,
StatisticsGen, Transform, some training steps and bulk encoding on them, in one process; it writes a
line for every step as soon as it is done. CPU seconds are user and system time of the process and
its children, for the machine may be busy; bytes are those of the files. `constants` solves for the
cost of a start, a user and a behaviour from the first three sizes in the file, and prints what the
calculator reads; `compare` prints predicted against measured for the others.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from contract.features import USER_ID
from contract.splits import TRAIN

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_GENERATED_USERS = 2000
_ROWS_OF_A_FILE = 1_000_000
_STEPS_MEASURED = 4
_COMPONENTS = {
    "ExampleGen": "UnlabelledExampleGen",
    "StatisticsGen": "UnlabelledStatisticsGen",
    "Transform": "Transform",
}


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    measure = commands.add_parser("measure", help="measure every step at one size")
    measure.add_argument("--users", type=int, required=True)
    measure.add_argument("--behaviors", type=float, required=True, help="of a user, on average")
    measure.add_argument("--json", required=True, help="file that gets a line for every step")
    measure.add_argument("--folder", help="for the data and the artifacts (default: a new one)")
    for name in ("constants", "compare"):
        each = commands.add_parser(name)
        each.add_argument("json", help="what `measure` wrote")
    args = parser.parse_args()
    if args.command == "measure":
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            for line in _measure(pathlib.Path(folder), args.users, args.behaviors):
                with open(args.json, "a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
                print(line, file=sys.stderr, flush=True)
        return
    from benchmarks.scale_report import print_comparison, print_constants

    with open(args.json, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    (print_constants if args.command == "constants" else print_comparison)(lines)


def _measure(folder: pathlib.Path, users: int, behaviors: float) -> Iterator[dict[str, Any]]:
    """Yields what each step took."""
    events = _generate(folder, users, behaviors)
    size = {"users": users, "events": events}

    def taken(step: str, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        before, started = _cpu(), time.monotonic()
        found = run()
        seconds = time.monotonic() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        cpu = found.pop("cpu", _cpu() - before)
        return {
            "step": step,
            **size,
            "cpu": round(cpu, 2),
            "seconds": round(seconds, 1),
            "peak_bytes": peak,
            **found,
        }

    yield taken("start", _imports)
    run, bucket = _pipeline(folder), {"bucket_bytes": _bucket_bytes(folder)}
    for step, component in _COMPONENTS.items():
        yield taken(step, lambda: {"bytes": run(component)}) | bucket  # noqa: B023
    yield taken("shuffle", lambda: _gathered(folder, events))
    yield taken("training", lambda: _train(folder))
    yield taken("encoding", lambda: _encode(folder))


def _cpu() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _generate(folder: pathlib.Path, users: int, behaviors: float) -> int:
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
    logs.mkdir()
    waiting: list[pa.Table] = []
    files = rows = 0
    for copy in range(-(-users // generated)):
        ids = pc.binary_join_element_wise(table[USER_ID], str(copy), "-")
        waiting.append(table.set_column(0, USER_ID, ids))
        last = copy + 1 == -(-users // generated)
        if last or sum(each.num_rows for each in waiting) >= _ROWS_OF_A_FILE:
            whole = pa.concat_tables(waiting)
            pq.write_table(whole, logs / f"{files:05d}.parquet")
            files, rows, waiting = files + 1, rows + whole.num_rows, []
    return rows


def _imports() -> dict[str, Any]:
    import pipeline.pipeline
    import serving.bulk.encoding
    import trainer.encoder.run

    del pipeline, serving, trainer
    return {}


def _pipeline(folder: pathlib.Path) -> Callable[[str], int]:
    """Returns a function that runs up to a component and returns the bytes of its outputs."""
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
    created = create_pipeline(
        config,
        Backend(
            pipeline_root=str(folder / "artifacts"),
            serving_dir=str(folder / "serving"),
            metadata_connection_config=sqlite_metadata_connection_config(
                str(folder / "metadata.sqlite")
            ),
        ),
    )

    def run(component: str) -> int:
        LocalDagRunner().run(created, run_options=RunOptions(to_nodes=[component]))
        return _bytes(folder / "artifacts" / component)

    return run


def _bucket_bytes(folder: pathlib.Path) -> float:
    from ingestion.files import count_buckets, match_files

    files = match_files({"events": str(folder / "logs")})
    return sum(file.text_size for file in files) / count_buckets(files)


def _bytes(folder: pathlib.Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _gathered(folder: pathlib.Path, events: int) -> dict[str, Any]:
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
    return {"bytes": round(size * events / read)}


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


if __name__ == "__main__":
    main()
