"""Gathers the records of log and label files by user."""

import json
import logging
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from ingestion.batches import Batch
from ingestion.config import Columns, Task, TimestampUnit
from ingestion.errors import BadValue, DataError
from ingestion.files import InputFile, content_hash
from ingestion.readers import read_batches, read_records
from ingestion.rows import EventRows, LabelRows, Row
from ingestion.spill import EVENT, LABEL, SpillWriter
from ingestion.statistics import FileStatistics, Statistics
from ingestion.timestamp_units import AUTO, SECONDS, TimestampColumn
from ingestion.timestamps import UnixSeconds

_STATISTICS = "statistics"
_PROGRESS_SECONDS = 1.0
_RECORDS_PER_CLOCK_READING = 1000

_progress = logging.getLogger("progress")


class GatherByUser(beam.PTransform):
    """Divides the users over buckets, of which one fits in memory.

    The records go through files: Beam's local runner keeps in memory all that passes through a
    GroupByKey.

    Args:
        columns: Names of the columns.
        tasks: Name -> task; empty if there are no label files.
        num_buckets: Number of buckets, at least 1.
        folder: Where to put the files; every worker must reach it.
        timestamp_unit: What numbers are, or that it is told by each file's whole column.
        html_entities: Whether HTML entities in texts become characters.
    """

    def __init__(
        self,
        columns: Columns,
        tasks: Mapping[str, Task],
        num_buckets: int,
        folder: str,
        timestamp_unit: TimestampUnit = AUTO,
        html_entities: bool = False,
    ):
        super().__init__()
        events, labels = EventRows(columns, html_entities), LabelRows(columns, tasks)
        self._read_file = _ReadFile(events, labels, timestamp_unit, num_buckets, folder)

    # Beam warns of an annotation of two outputs, and makes no use of it.
    @beam.typehints.no_annotations  # type: ignore[untyped-decorator]
    def expand(self, files: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        """Reads the files.

        Args:
            files: `InputFile` each.

        Returns:
            The buckets, (bucket, iterable of `spill.Batches`), and the `Statistics` of each file.
        """
        spilled, statistics = (
            files
            | "Distribute" >> beam.Reshuffle()
            | "ReadFile" >> beam.ParDo(self._read_file).with_outputs(_STATISTICS, main="spilled")
        )
        return spilled | "GroupByBucket" >> beam.GroupByKey(), statistics


class _ReadFile(beam.DoFn):
    """Writes the records of a file by bucket; what is wrong with the file is counted."""

    def __init__(
        self,
        events: EventRows,
        labels: LabelRows,
        timestamp_unit: TimestampUnit,
        num_buckets: int,
        folder: str,
    ):
        self._event_rows = events
        self._label_rows = labels
        self._timestamp_unit = timestamp_unit
        self._num_buckets = num_buckets
        self._folder = folder
        self._events = 0
        self._shown = 0.0

    def process(self, file: InputFile) -> Iterable[Any]:
        # Beam may run a file twice; both attempts must be able to write.
        path = FileSystems.join(self._folder, f"{file.index:06d}-{uuid.uuid4().hex}.arrow")
        statistics = Statistics()
        writer = SpillWriter(path, self._num_buckets)
        try:
            if file.kind == "labels":
                self._read_labels(file, writer, statistics)
            else:
                self._read_events(file, writer, statistics)
        except DataError as error:
            statistics.failures.append(str(error))
        finally:
            spilled = writer.close()
        records = statistics.events.records + statistics.labels.records
        statistics.files.append(
            FileStatistics(
                kind=file.kind,
                path=file.path,
                size=file.size,
                records=records,
                content=content_hash(file) if records else "",
            )
        )
        yield from spilled.items()
        yield beam.pvalue.TaggedOutput(_STATISTICS, statistics)

    def _read_events(self, file: InputFile, writer: SpillWriter, statistics: Statistics) -> None:
        read = self._event_rows
        earliest, latest = float("inf"), float("-inf")
        numbers = TimestampColumn(self._timestamp_unit)

        def one(line: int, raw: Row) -> None:
            nonlocal earliest, latest
            try:
                user_id, timestamp, text = read(raw)
            except BadValue as bad:
                statistics.events.add_bad(file.path, line, bad)
                return
            number = not isinstance(timestamp, UnixSeconds)
            if number:
                numbers.add(timestamp, line)
            else:
                earliest, latest = min(earliest, timestamp), max(latest, timestamp)
            writer.append(user_id, EVENT, timestamp, number, file.index, line, text)

        for batch in read_batches(file, read.columns, read.remedy):
            if not isinstance(batch, Batch):
                self._count(statistics, 1)
                one(*batch)
                continue
            self._count(statistics, len(batch.lines))
            events, others = read.batch(batch)
            numbers.add_several(events.timestamps[events.numbers], events.lines[events.numbers])
            moments = events.timestamps[~events.numbers]
            if len(moments):
                earliest = min(earliest, float(moments.min()))
                latest = max(latest, float(moments.max()))
            writer.append_events(events, file.index)
            for place in map(int, others):
                one(int(batch.lines[place]), batch.values(place))
        for count, examples in numbers.bad():
            statistics.events.add_several_bad(file.path, count, examples)
        statistics.small_numbers.update(numbers.shapes())
        if (unit := numbers.unit()) != SECONDS:
            statistics.timestamp_units[file.index] = unit
        if span := numbers.span():
            earliest, latest = min(earliest, span[0]), max(latest, span[1])
        if earliest <= latest:
            statistics.earliest, statistics.latest = earliest, latest

    def _read_labels(self, file: InputFile, writer: SpillWriter, statistics: Statistics) -> None:
        read = self._label_rows
        for line, raw in read_records(file, read.columns, read.remedy):
            statistics.labels.records += 1
            try:
                label = read(raw)
            except BadValue as bad:
                statistics.labels.add_bad(file.path, line, bad)
                continue
            payload = json.dumps([label.classes, label.split])
            writer.append(label.user_id, LABEL, 0.0, False, file.index, line, payload)

    def _count(self, statistics: Statistics, events: int) -> None:
        statistics.events.records += events
        before, self._events = self._events, self._events + events
        if before // _RECORDS_PER_CLOCK_READING == self._events // _RECORDS_PER_CLOCK_READING:
            return
        now = time.monotonic()
        if now - self._shown >= _PROGRESS_SECONDS:
            self._shown = now
            _progress.info("%s events read", f"{self._events:,}")
