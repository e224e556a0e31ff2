"""Event logs to user vectors, with Beam.

Two pipelines: the first gathers the events by user, on disk, in buckets of which one fits in memory
(as the training's ExampleGen does); the second encodes one bucket after the other into one Parquet
file each. What is finished stays, so the same call resumes a run that died.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from apache_beam.utils.shared import Shared
from pydantic import BaseModel, ConfigDict, Field

from components.behavior_example_gen.config import Columns
from components.behavior_example_gen.files import InputFile, count_buckets, match_files
from components.behavior_example_gen.gather import GatherByUser
from components.behavior_example_gen.report import check_reading
from components.behavior_example_gen.spill import Batches, UserRecords, read_users
from components.behavior_example_gen.statistics import Statistics
from components.model_digest import model_digest
from serving.bulk.vectors import ENCODING_FILE, schema
from serving.server.model import DEFAULT_SIGNATURE, LoadedModel
from serving.signatures import BEHAVIORS, USER_VECTOR

_WORK = ".work"
_GATHERED = "gathered.json"
_DAY = 86_400.0

_progress = logging.getLogger("progress")


class EncodingError(ValueError):
    """The output folder holds something else; the message says what to do."""


class EncodingConfig(BaseModel):
    """How logs become user vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: Columns = Field(Columns(), description="Names of the columns of the events.")
    max_bad_fraction: float = Field(
        0.001, ge=0, le=1, description="Share of bad lines up to which they are skipped."
    )
    max_behaviors: int = Field(
        2000, ge=1, description="Behaviours read for one vector, the most recent."
    )
    period_days: float | None = Field(
        None,
        gt=0,
        description="One vector for each period with behaviours, pooled by their mean to the "
        "user's; null: one vector of the most recent behaviours. For logs of years, of which a "
        "model reads only the end.",
    )
    batch_size: int = Field(256, ge=1, description="Histories encoded at once.")
    threads: int = Field(2, ge=1, description="Threads of TensorFlow.")


def encode_events(
    patterns: Sequence[str],
    model_path: str,
    output: str,
    config: EncodingConfig,
    make_pipeline: Callable[[], beam.Pipeline],
) -> dict:
    """Encodes all users of the events; resumes what an earlier call left.

    Args:
      patterns: paths or patterns of event files.
      model_path: folder of one version.
      output: folder for the Parquet files, a local one.
      config: columns, periods, sizes.
      make_pipeline: makes a Beam pipeline, to be used as a context.

    Returns:
      What is written to `_encoding.json`: `fingerprint` (of model, events and configuration),
      `model_version`, `model_digest`, `users`, `events`, `bad_events`, `parts`.

    Raises:
      DataError: if the events cannot be read.
      EncodingError: if the output folder holds vectors of something else.
    """
    files = _files(patterns)
    digest = model_digest(model_path)
    fingerprint = _fingerprint(files, digest, config)
    finished = os.path.join(output, ENCODING_FILE)
    work = os.path.join(output, _WORK)
    gathered_file = os.path.join(work, fingerprint, _GATHERED)
    if os.path.exists(finished):
        with open(finished, encoding="utf-8") as file:
            summary = json.load(file)
        if summary["fingerprint"] != fingerprint:
            raise EncodingError(
                f"{output} has the vectors of another model, other events or other settings. "
                "Choose another output, or delete the folder."
            )
        return summary
    others = set(os.listdir(work)) - {fingerprint} if os.path.isdir(work) else set()
    if others and any(name.endswith(".parquet") for name in os.listdir(output)):
        raise EncodingError(
            f"{output} has an unfinished encoding by another model, of other events or with other "
            "settings. Choose another output, or delete the folder."
        )
    for other in others:
        tf.io.gfile.rmtree(os.path.join(work, other))
    os.makedirs(os.path.dirname(gathered_file), exist_ok=True)
    if not os.path.exists(gathered_file):
        _gather(files, config, gathered_file, make_pipeline)
    with open(gathered_file, encoding="utf-8") as file:
        gathered = json.load(file)
    buckets = gathered["buckets"]
    missing = [
        (int(number), batches)
        for number, batches in buckets.items()
        if not os.path.exists(_part(output, int(number)))
    ]
    _progress.info("%d of %d parts to encode", len(missing), len(buckets))
    version = os.path.basename(model_path.rstrip("/"))
    if missing:
        with make_pipeline() as pipeline:
            _ = (
                pipeline
                | "Buckets" >> beam.Create(missing)
                | "Distribute" >> beam.Reshuffle()
                | "Encode" >> beam.ParDo(_Encode(model_path, int(version), output, config))
            )
    parts = [_part(output, int(number)) for number in buckets]
    summary = {
        "fingerprint": fingerprint,
        "model_version": int(version),
        "model_digest": digest,
        "users": sum(pq.ParquetFile(part).metadata.num_rows for part in parts),
        "events": gathered["events"],
        "bad_events": gathered["bad_events"],
        "parts": len(parts),
    }
    _write_json(finished, summary)
    tf.io.gfile.rmtree(work)
    return summary


def _files(patterns: Sequence[str]) -> list[InputFile]:
    found = [file for pattern in patterns for file in match_files({"events": pattern})]
    return [file.model_copy(update={"index": index}) for index, file in enumerate(found)]


def _fingerprint(files: Sequence[InputFile], digest: str, config: EncodingConfig) -> str:
    """Names what is encoded, by what, and how; sizes stand for the contents of the files."""
    content = json.dumps(
        {
            "files": [[os.path.abspath(file.path), file.size] for file in files],
            "model": digest,
            "config": config.model_dump(exclude={"threads", "batch_size"}),
        },
        sort_keys=True,
    )
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _gather(files, config: EncodingConfig, path: str, make_pipeline) -> None:
    """Gathers the events by user and writes where they are."""
    folder = os.path.dirname(path)
    # What an attempt that died has gathered is incomplete.
    tf.io.gfile.rmtree(folder)
    os.makedirs(folder)
    statistics_file, buckets_file = (
        os.path.join(folder, name) for name in ("statistics.json", "buckets.json")
    )
    with make_pipeline() as pipeline:
        buckets, of_files = (
            pipeline
            | "Files" >> beam.Create(files)
            | "GatherByUser" >> GatherByUser(config.columns, {}, count_buckets(files), folder)
        )
        _ = (
            of_files
            | "StatisticsAsJson" >> beam.Map(lambda statistics: statistics.model_dump_json())
            | "AllStatistics" >> beam.combiners.ToList()
            | "WriteStatistics" >> beam.Map(lambda found: _write_json(statistics_file, found))
        )
        _ = (
            buckets
            | "AllBatches" >> beam.Map(lambda bucket: (bucket[0], sorted(bucket[1])))
            | "AllBuckets" >> beam.combiners.ToDict()
            | "WriteBuckets" >> beam.Map(lambda found: _write_json(buckets_file, found))
        )
    statistics = Statistics()
    with open(statistics_file, encoding="utf-8") as file:
        for of_file in json.load(file):
            statistics.merge(Statistics.model_validate_json(of_file))
    check_reading(statistics, config.max_bad_fraction)
    with open(buckets_file, encoding="utf-8") as file:
        buckets = json.load(file)
    _write_json(
        path,
        {
            "buckets": buckets,
            "events": statistics.events.records,
            "bad_events": statistics.events.bad_records,
        },
    )


class _Encode(beam.DoFn):
    """Writes the vectors of a bucket's users to one Parquet file."""

    def __init__(self, model_path: str, version: int, output: str, config: EncodingConfig):
        self._model_path = model_path
        self._version = version
        self._output = output
        self._config = config
        self._shared = Shared()

    def setup(self):
        # One model for all threads of a worker.
        self._model = self._shared.acquire(
            lambda: LoadedModel(self._model_path, self._config.threads), self._model_path
        )

    def process(self, bucket: tuple[int, list[Batches]]) -> Iterable[int]:
        """Writes the file; Beam may run a bucket twice.

        Args:
            bucket: its number and its records.

        Yields:
            Number of users.
        """
        number, spilled = bucket
        path = _part(self._output, number)
        temporary = f"{os.path.dirname(path)}/.{uuid.uuid4().hex}"
        writer, users = None, 0
        for table in self._tables(read_users(spilled)):
            writer = writer or pq.ParquetWriter(temporary, table.schema)
            writer.write_table(table)
            users += table.num_rows
            _progress.info("part %d: %s users encoded", number, f"{users:,}")
        writer.close()
        os.rename(temporary, path)
        yield users

    def _tables(self, users: Iterable[UserRecords]) -> Iterator[pa.Table]:
        """Tables of about a batch of histories each."""
        rows: list[tuple[str, int, list[list[str]]]] = []
        waiting = 0
        for user in users:
            histories = _histories(user, self._config)
            rows.append((user.user_id, len(user.timestamps), histories))
            waiting += len(histories)
            if waiting >= self._config.batch_size:
                yield self._table(rows)
                rows, waiting = [], 0
        if rows:
            yield self._table(rows)

    def _table(self, rows: list[tuple[str, int, list[list[str]]]]) -> pa.Table:
        histories = [history for _, _, each in rows for history in each]
        size = self._config.batch_size
        vectors = np.concatenate(
            [self._vectors(histories[i : i + size]) for i in range(0, len(histories), size)]
        )
        counts = np.array([len(each) for _, _, each in rows])
        starts = np.cumsum(counts) - counts
        pooled = np.add.reduceat(vectors, starts) / counts[:, None]
        fields = schema(vectors.shape[1])
        columns = [
            pa.array([user_id for user_id, _, _ in rows], pa.string()),
            pa.FixedSizeListArray.from_arrays(
                pa.array(pooled.astype(np.float32).ravel()), vectors.shape[1]
            ),
            pa.array([behaviors for _, behaviors, _ in rows], pa.int32()),
            pa.array(counts, pa.int32()),
            pa.array([self._version] * len(rows), pa.int64()),
        ]
        return pa.Table.from_arrays(columns, schema=fields)

    def _vectors(self, histories: list[list[str]]) -> np.ndarray:
        examples = np.empty(len(histories), object)
        for index, history in enumerate(histories):
            example = tf.train.Example()
            texts = example.features.feature[BEHAVIORS].bytes_list.value
            texts.extend(text.encode() for text in history)
            examples[index] = example.SerializeToString()
        outputs = self._model.run(DEFAULT_SIGNATURE, {"examples": examples}, [USER_VECTOR])
        return outputs[USER_VECTOR]


def _histories(user: UserRecords, config: EncodingConfig) -> list[list[str]]:
    """The texts of every period with behaviours, oldest first; without periods all in one."""
    limit = config.max_behaviors
    if config.period_days is None:
        return [user.texts[-limit:].to_pylist()]
    periods = np.floor_divide(user.timestamps, config.period_days * _DAY)
    changes = np.flatnonzero(np.diff(periods)) + 1
    edges = [0, *changes.tolist(), len(periods)]
    return [
        user.texts[max(start, stop - limit) : stop].to_pylist()
        for start, stop in zip(edges, edges[1:], strict=False)
    ]


def _part(output: str, number: int) -> str:
    return os.path.join(output, f"part-{number:05d}.parquet")


def _write_json(path: str, content) -> None:
    temporary = f"{path}.{uuid.uuid4().hex}"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(content, file)
    os.replace(temporary, path)
