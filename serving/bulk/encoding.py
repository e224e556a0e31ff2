"""Event logs to user vectors, with Beam.

Two pipelines: the first gathers the events by user, on disk, in buckets of which one fits in memory
(as the training's ExampleGen does); the second encodes one bucket after the other into one Parquet
file each. What is finished stays, so the same call resumes a run that died. All files go through
Beam's file systems: workers on other machines write where this one reads.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import uuid
from collections.abc import Callable, Collection, Sequence

import apache_beam as beam
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from contract.errors import UserError
from contract.features import USER_ID
from ingestion.files import InputFile, count_buckets, describe_files, match_files
from ingestion.gather import GatherByUser
from ingestion.gathering import way_of
from ingestion.losses import check_losses, warnings
from ingestion.report import check_reading
from ingestion.statistics import Statistics
from ingestion.stores import is_stored, names_in, remove_folder
from ingestion.timestamp_units import Clock
from serving.bulk.config import EncodingConfig
from serving.bulk.encode_bucket import EncodeBucket, part_file
from serving.bulk.previous import Previous, find_previous, settings_of
from serving.bulk.vectors import CARRIED_OVER, ENCODING_FILE
from serving.releases.model_digest import model_digest

_WORK = ".work"
_GATHERED = "gathered.json"
# To be raised with every change of which users a bucket has (`ingestion.buckets`).
_DIVISION = 2

_progress = logging.getLogger("progress")


class EncodingError(UserError):
    """The output folder holds something else; the message says what to do."""


def encode_events(
    patterns: Sequence[str],
    model_path: str,
    output: str,
    config: EncodingConfig,
    make_pipeline: Callable[[], beam.Pipeline],
    previous: str | None = None,
    forget: Collection[str] = (),
) -> dict:
    """Encodes all users of the events; resumes what an earlier call left.

    With `previous` only users whose behaviours are not those of then are encoded; the result is
    the same, but for the column that tells who was. A user who is in the logs no more is in the
    result no more.

    Args:
        patterns: Files, folders or patterns of event files.
        model_path: Folder of one version.
        output: Folder for the Parquet files; like the events and the model, every worker of Beam
            must reach it.
        config: Columns, periods, sizes.
        make_pipeline: Makes a Beam pipeline, to be used as a context.
        previous: What an earlier call wrote; by the same model, with the same settings.
        forget: Ids of users who get no vector, whatever the logs hold.

    Returns:
        What is written to `_encoding.json`: `fingerprint` (of model, events and configuration),
        `model_version`, `model_digest`, `settings`, `users`, `carried_over` (of these), `events`,
        `bad_events`, `buckets`, `files` (by the number of the bucket), `warnings`.

    Raises:
        DataError: If the events cannot be read.
        EncodingError: If the output folder holds vectors of something else.
        PreviousError: If the earlier vectors cannot be carried over.
    """
    # Workers start in folders of their own.
    model_path, output = _absolute(model_path), _absolute(output)
    files = match_files({"events": [_absolute(pattern) for pattern in patterns]})
    _progress.info("%s", describe_files(files))
    digest = model_digest(model_path)
    earlier = find_previous(_absolute(previous), digest, config) if previous else None
    forgotten = frozenset(forget)
    fingerprint = _fingerprint(files, digest, config, earlier, forgotten)
    finished = os.path.join(output, ENCODING_FILE)
    work = os.path.join(output, _WORK)
    gathered_file = os.path.join(work, fingerprint, _GATHERED)
    if FileSystems.exists(finished):
        summary = _read_json(finished)
        if summary["fingerprint"] != fingerprint:
            raise EncodingError(
                f"{output} has the vectors of another model, other events or other settings. "
                "Choose another output, or delete the folder."
            )
        return summary
    others = set(names_in(work)) - {fingerprint}
    if others and any(name.endswith(".parquet") for name in names_in(output)):
        raise EncodingError(
            f"{output} has an unfinished encoding by another model, of other events or with other "
            "settings. Choose another output, or delete the folder."
        )
    for other in others:
        remove_folder(os.path.join(work, other))
    if not FileSystems.exists(gathered_file):
        _gather(files, config, gathered_file, make_pipeline)
    gathered = _read_json(gathered_file)
    buckets, num_buckets = gathered["buckets"], gathered["num_buckets"]
    missing = [
        (int(number), batches)
        for number, batches in buckets.items()
        if not FileSystems.exists(part_file(output, int(number)))
    ]
    _progress.info("%d of %d parts to encode", len(missing), len(buckets))
    version = os.path.basename(model_path)
    units = {int(index): unit for index, unit in gathered["timestamp_units"].items()}
    clock = Clock.of(units, config.timestamp_unit)
    if missing:
        with make_pipeline() as pipeline:
            encode = EncodeBucket(
                model_path,
                int(version),
                output,
                config,
                clock,
                num_buckets,
                earlier,
                forgotten,
            )
            _ = (
                pipeline
                | "Buckets" >> beam.Create(missing)
                | "Distribute" >> beam.Reshuffle()
                | "Encode" >> beam.ParDo(encode)
            )
    # A bucket of which no event could be read has no file.
    parts = {
        number: path
        for number in map(int, buckets)
        if FileSystems.exists(path := part_file(output, number))
    }
    counts = [_count(path, forgotten) for path in parts.values()]
    summary = {
        "fingerprint": fingerprint,
        "model_version": int(version),
        "model_digest": digest,
        "settings": settings_of(config),
        "users": sum(users for users, _ in counts),
        "carried_over": sum(carried for _, carried in counts),
        "events": gathered["events"],
        "bad_events": gathered["bad_events"],
        "buckets": num_buckets,
        "files": {str(number): os.path.basename(path) for number, path in parts.items()},
        "warnings": gathered["warnings"],
    }
    # Half files of attempts that were killed: they may have users who are to be forgotten.
    half = [
        os.path.join(output, name)
        for name in names_in(output)
        if name.startswith(".") and name != _WORK
    ]
    if half:
        FileSystems.delete(half)
    remove_folder(work)
    _write_json(finished, summary)
    return summary


def _fingerprint(
    files: Sequence[InputFile],
    digest: str,
    config: EncodingConfig,
    previous: Previous | None,
    forget: frozenset[str],
) -> str:
    """Names what is encoded, by what, and how; sizes stand for the contents of the files."""
    content = json.dumps(
        {
            "files": [[file.path, file.size] for file in files],
            "model": digest,
            "config": config.model_dump(exclude={"threads", "batch_size"}),
            "previous": previous.fingerprint if previous else None,
            "forget": sorted(forget),
            # Parts of another division of users would not go together with those of this one.
            "division": _DIVISION,
        },
        sort_keys=True,
    )
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _gather(files, config: EncodingConfig, path: str, make_pipeline) -> None:
    """Gathers the events by user and writes where they are."""
    folder = os.path.dirname(path)
    # What an attempt that died has gathered is incomplete.
    remove_folder(folder)
    if not is_stored(folder):
        os.makedirs(folder)
    statistics_file, buckets_file = (
        os.path.join(folder, name) for name in ("statistics.json", "buckets.json")
    )
    with make_pipeline() as pipeline:
        num_buckets = count_buckets(files, way_of(pipeline.options))
        buckets, of_files = (
            pipeline
            | "Files" >> beam.Create(files)
            | "GatherByUser"
            >> GatherByUser(
                config.columns,
                {},
                num_buckets,
                folder,
                config.timestamp_unit,
                config.html_entities,
                in_files=True,
                channels=config.channels,
            )
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
    for of_file in _read_json(statistics_file):
        statistics.merge(Statistics.model_validate_json(of_file))
    check_reading(statistics, config.max_bad_fraction)
    check_losses(statistics, config.losses)
    _write_json(
        path,
        {
            "buckets": _read_json(buckets_file),
            "num_buckets": num_buckets,
            "events": statistics.events.records,
            "bad_events": statistics.events.bad_records,
            "timestamp_units": statistics.timestamp_units,
            "warnings": warnings(statistics, config.losses),
        },
    )


def _absolute(path: str) -> str:
    return path.rstrip("/") if is_stored(path) else os.path.abspath(path)


def _count(path: str, forget: frozenset[str]) -> tuple[int, int]:
    """Counts users and those carried over, and sees that none is there who must not be."""
    users = carried = 0
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        for batch in pq.ParquetFile(file).iter_batches(columns=[USER_ID, CARRIED_OVER]):
            users += len(batch)
            carried += batch.column(CARRIED_OVER).true_count
            if forget and (found := forget.intersection(batch.column(USER_ID).to_pylist())):
                raise EncodingError(
                    f"{path} has {len(found)} users who are to be forgotten. Delete the folder and "
                    "encode again."
                )
    return users, carried


def _read_json(path: str):
    with FileSystems.open(path) as file:
        return json.load(file)


def _write_json(path: str, content) -> None:
    temporary = f"{path}.{uuid.uuid4().hex}"
    with FileSystems.create(temporary) as file:
        file.write(json.dumps(content).encode())
    FileSystems.rename([temporary], [path])
