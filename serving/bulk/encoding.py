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
from collections.abc import Callable, Sequence

import apache_beam as beam
import pyarrow.parquet as pq
import tensorflow as tf

from components.behavior_example_gen.files import InputFile, count_buckets, match_files
from components.behavior_example_gen.gather import GatherByUser
from components.behavior_example_gen.report import check_reading
from components.behavior_example_gen.statistics import Statistics
from components.model_digest import model_digest
from serving.bulk.config import EncodingConfig
from serving.bulk.encode_bucket import EncodeBucket, part_file
from serving.bulk.vectors import ENCODING_FILE

_WORK = ".work"
_GATHERED = "gathered.json"

_progress = logging.getLogger("progress")


class EncodingError(ValueError):
    """The output folder holds something else; the message says what to do."""


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
        if not os.path.exists(part_file(output, int(number)))
    ]
    _progress.info("%d of %d parts to encode", len(missing), len(buckets))
    version = os.path.basename(model_path.rstrip("/"))
    if missing:
        with make_pipeline() as pipeline:
            _ = (
                pipeline
                | "Buckets" >> beam.Create(missing)
                | "Distribute" >> beam.Reshuffle()
                | "Encode" >> beam.ParDo(EncodeBucket(model_path, int(version), output, config))
            )
    parts = [part_file(output, int(number)) for number in buckets]
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


def _write_json(path: str, content) -> None:
    temporary = f"{path}.{uuid.uuid4().hex}"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(content, file)
    os.replace(temporary, path)
