"""Reads the records of log and label files, and counts them."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa

from ingestion.batches import Batch, Record
from ingestion.config import TimestampUnit
from ingestion.errors import BadValue, DataError
from ingestion.files import InputFile, content_hash
from ingestion.pieces import Piece
from ingestion.readers import read_batches, read_records
from ingestion.rows import EventRows, LabelRows, Row
from ingestion.spill import EVENT, LABEL, RecordBuffer
from ingestion.statistics import FileStatistics, Statistics
from ingestion.timestamp_units import SECONDS, TimestampColumn
from ingestion.timestamps import UnixSeconds

_PROGRESS_SECONDS = 1.0
_RECORDS_PER_CLOCK_READING = 1000

_progress = logging.getLogger("progress")


@dataclasses.dataclass
class PieceRead:
    """What was found in a piece of a file.

    Args:
        file: The file.
        statistics: What was counted; what a timestamp means is known by the whole file alone.
        numbers: The timestamps that are numbers.
        content: Hash of the file; None if it has no record.
    """

    file: InputFile
    statistics: Statistics
    numbers: TimestampColumn
    content: str | None = None


class PieceReader:
    """Reads pieces of files.

    Args:
        events: How rows of events are read; what takes the records must know its `others`.
        labels: How rows of labels are read.
        timestamp_unit: What numbers are, or that it is told by each file's whole column.
        read: What reads events.
    """

    def __init__(
        self,
        events: EventRows,
        labels: LabelRows,
        timestamp_unit: TimestampUnit,
        read: Callable[[Piece, tuple[str, ...], str], Iterator[Batch | Record]] = read_batches,
    ):
        self._event_rows = events
        self._label_rows = labels
        self._timestamp_unit = timestamp_unit
        self._read = read
        self._events = 0
        self._shown = 0.0

    def __call__(self, piece: Piece, sink: RecordBuffer) -> Iterator[PieceRead | None]:
        """Reads a piece; what is wrong with it is counted.

        Args:
            piece: What to read.
            sink: Takes the records.

        Yields:
            None now and then, so that the sink can be emptied; at last what was found.
        """
        file = piece.file
        found = PieceRead(file, Statistics(), TimestampColumn(self._timestamp_unit))
        try:
            if file.kind == "labels":
                self._read_labels(file, sink, found.statistics)
            else:
                yield from self._read_events(piece, sink, found)
        except DataError as error:
            found.statistics.failures.append(str(error))
        if found.statistics.events.records + found.statistics.labels.records:
            found.content = piece.content or content_hash(file)
        yield found

    def _read_events(self, piece: Piece, sink: RecordBuffer, found: PieceRead) -> Iterator[None]:
        read, file, statistics = self._event_rows, piece.file, found.statistics

        def one(line: int, row: Row) -> None:
            try:
                user_id, timestamp, text, others = read(row)
            except BadValue as bad:
                statistics.events.add_bad(file.path, line, bad)
                return
            number = not isinstance(timestamp, UnixSeconds)
            if number:
                found.numbers.add(timestamp, line)
            else:
                statistics.span(timestamp, timestamp)
            for channel, value in zip(read.others, others, strict=True):
                statistics.known[channel.channel.name] += channel.known(
                    pa.array([value], channel.kind)
                )
            sink.append(user_id, EVENT, timestamp, number, file.index, line, text, others)

        for batch in self._read(piece, read.columns, read.remedy):
            if not isinstance(batch, Batch):
                self._count(statistics, 1)
                one(*batch)
                continue
            self._count(statistics, len(batch.lines))
            events, others = read.batch(batch)
            is_number = events.numbers
            found.numbers.add_several(events.timestamps[is_number], events.lines[is_number])
            moments = events.timestamps[~is_number]
            if len(moments):
                statistics.span(float(moments.min()), float(moments.max()))
            for channel, values in zip(read.others, events.others, strict=True):
                statistics.known[channel.channel.name] += channel.known(values)
            sink.append_events(events, file.index)
            for place in map(int, others):
                one(int(batch.lines[place]), batch.values(place))
            yield

    def _read_labels(self, file: InputFile, sink: RecordBuffer, statistics: Statistics) -> None:
        read = self._label_rows
        for line, raw in read_records(file, read.columns, read.remedy):
            statistics.labels.records += 1
            try:
                label = read(raw)
            except BadValue as bad:
                statistics.labels.add_bad(file.path, line, bad)
                continue
            payload = json.dumps([label.classes, label.split])
            sink.append(label.user_id, LABEL, 0.0, False, file.index, line, payload)

    def _count(self, statistics: Statistics, events: int) -> None:
        statistics.events.records += events
        before, self._events = self._events, self._events + events
        if before // _RECORDS_PER_CLOCK_READING == self._events // _RECORDS_PER_CLOCK_READING:
            return
        now = time.monotonic()
        if now - self._shown >= _PROGRESS_SECONDS:
            self._shown = now
            _progress.info("%s events read", f"{self._events:,}")


def of_whole_file(pieces: Iterable[PieceRead]) -> Statistics:
    """Returns the statistics of a file, of those of all its pieces."""
    first, *others = pieces
    statistics, numbers, file = first.statistics, first.numbers, first.file
    content = first.content
    for other in others:
        statistics.merge(other.statistics)
        numbers.merge(other.numbers)
        content = content or other.content
    for count, examples in numbers.bad():
        statistics.events.add_several_bad(file.path, count, examples)
    statistics.small_numbers.update(numbers.shapes())
    if (unit := numbers.unit()) != SECONDS:
        statistics.timestamp_units[file.index] = unit
    if span := numbers.span():
        statistics.span(*span)
    statistics.files.append(
        FileStatistics(
            kind=file.kind,
            path=file.path,
            size=file.size,
            records=statistics.events.records + statistics.labels.records,
            content=content or "",
        )
    )
    return statistics
