"""Records by bucket of users, on disk or on their way through a shuffle.

One Arrow file holds the records of one piece of an input file, as batches of one bucket each.
"""

import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from contract.event_channels import TIME, EventChannel
from contract.features import USER_ID
from ingestion.buckets import buckets_of
from ingestion.channel_columns import ChannelColumn, channel_columns
from ingestion.division import split_of
from ingestion.event_columns import Events
from ingestion.string_columns import bytes_of
from ingestion.timestamp_units import Clock
from ingestion.wire import Framed, frame

EVENT = 0
LABEL = 1

# 64-bit offsets: a bucket may hold more than 2 GiB of text.
_FIELDS = {
    USER_ID: pa.large_string(),
    "kind": pa.int8(),
    "timestamp": pa.float64(),
    # Whether the timestamp is a number of the file's unit, and not yet Unix seconds.
    "number": pa.bool_(),
    "file": pa.int32(),
    "line": pa.int64(),
    "payload": pa.large_string(),
}
_BUFFERED_RECORDS = 50_000
_BUFFERED_CHARACTERS = 16 * 2**20

# Path of an Arrow file, and which of its batches belong to the bucket.
Batches = tuple[str, list[int]]


@dataclasses.dataclass(frozen=True)
class UserRecords:
    """All that the files hold on one user.

    Args:
        user_id: The user's id.
        timestamps: float64[n], Unix seconds of the events, ascending; ties as in the files.
        texts: string[n], the texts of the events.
        labels: (file, line, payload) of the label rows, in the order of the files; the first one
            counts.
        framed: The texts as they stand in examples; made of them if it is not given.
        others: By the feature of each channel with a column of its own, its values, [n].
    """

    user_id: str
    timestamps: npt.NDArray[np.float64]
    texts: pa.LargeStringArray
    labels: list[tuple[int, int, str]]
    framed: Framed = None  # type: ignore[assignment]
    others: Mapping[str, pa.Array] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.framed is None:
            object.__setattr__(self, "framed", frame(self.texts))

    @property
    def classes(self) -> list[int | None]:
        """Per task the index of the class of a labelled user, None if the label is missing."""
        classes: list[int | None] = json.loads(self.labels[0][2])[0]
        return classes

    @property
    def split(self) -> str:
        """The split that the user's label row says, or the one drawn by the id."""
        own: str | None = json.loads(self.labels[0][2])[1] if self.labels else None
        return own or split_of(self.user_id)

    def of(self, channel: EventChannel) -> npt.NDArray[Any]:
        """Returns what the events say to a channel: int64, float32 or str [n]."""
        if channel.name == TIME.name:
            return self.timestamps.astype(np.int64)
        found: npt.NDArray[Any] = self.others[channel.feature].to_numpy(zero_copy_only=False)
        return found

    def count_duplicates(self) -> int:
        """Returns how many events repeat all that is read of another one."""
        tied = np.flatnonzero(self.timestamps[1:] == self.timestamps[:-1])
        if not len(tied):
            return 0
        places = np.union1d(tied, tied + 1)
        # Hashes: the texts of a user with a million events are many.
        texts = (hash(text) for text in self.texts.take(pa.array(places)).to_pylist())
        # As text, for a NaN is not equal to itself.
        others = (
            values.take(pa.array(places)).cast(pa.large_string()).to_pylist()
            for values in self.others.values()
        )
        different = set(zip(self.timestamps[places].tolist(), texts, *others, strict=True))
        return len(places) - len(different)


def _schema(channels: Iterable[ChannelColumn]) -> pa.Schema:
    return pa.schema({**_FIELDS, **{each.channel.feature: each.kind for each in channels}})


class RecordBuffer:
    """Collects records and divides them over buckets of users; subclasses say where they go.

    Args:
        num_buckets: Number of buckets, at least 1.
        channels: Those whose values the records have.
    """

    def __init__(self, num_buckets: int, channels: Sequence[ChannelColumn] = ()):
        self._num_buckets = num_buckets
        self._schema = _schema(channels)
        self._neutral = tuple(each.channel.neutral for each in channels)
        self._clear()

    def append(
        self,
        user_id: str,
        kind: int,
        timestamp: float,
        number: bool,
        file: int,
        line: int,
        payload: str,
        others: tuple[Any, ...] = (),
    ) -> None:
        """Adds one record.

        Args:
            user_id: Whose it is.
            kind: `EVENT` or `LABEL`.
            timestamp: Unix seconds of an event, or a number of the file's unit; 0 for a label row.
            number: Whether it is a number of the file's unit.
            file: Index of the input file.
            line: Line in that file.
            payload: The text of an event; of a label row the JSON of [classes, split].
            others: The values of the channels; () says nothing.
        """
        row = (user_id, kind, timestamp, number, file, line, payload)
        self._rows.append((*row, *(others or self._neutral)))
        self._grow(1, len(payload))

    def append_events(self, events: Events, file: int) -> None:
        """Adds events of one input file, given by its index."""
        count = len(events.users)
        columns = [
            events.users,
            pa.array(np.full(count, EVENT, np.int8)),
            pa.array(events.timestamps),
            pa.array(events.numbers),
            pa.array(np.full(count, file, np.int32)),
            pa.array(events.lines),
            events.texts,
            *events.others,
        ]
        self._batches_of_rows()
        self._waiting.append(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        _, starts, stops = bytes_of(events.texts)
        self._grow(count, int(stops[-1] - starts[0]) if count else 0)

    def flush(self) -> None:
        """Passes on what was collected."""
        self._batches_of_rows()
        table = pa.Table.from_batches(self._waiting, self._schema).combine_chunks()
        self._clear()
        if not table.num_rows:
            return
        buckets = buckets_of(table[USER_ID].chunk(0), self._num_buckets)
        if self._num_buckets > 1:
            order = np.argsort(buckets, kind="stable")
            table, buckets = table.take(pa.array(order)), buckets[order]
        present, starts = np.unique(buckets, return_index=True)
        for bucket, start, stop in zip(present, starts, [*starts[1:], len(buckets)], strict=True):
            (batch,) = table.slice(start, stop - start).combine_chunks().to_batches()
            self._pass_on(int(bucket), batch)

    def _pass_on(self, bucket: int, batch: pa.RecordBatch) -> None:
        raise NotImplementedError

    def _clear(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._waiting: list[pa.RecordBatch] = []
        self._records = self._characters = 0

    def _grow(self, records: int, characters: int) -> None:
        self._records += records
        self._characters += characters
        if self._records >= _BUFFERED_RECORDS or self._characters >= _BUFFERED_CHARACTERS:
            self.flush()

    def _batches_of_rows(self) -> None:
        """Makes a batch of the single records, in their order among the batches."""
        if self._rows:
            columns = [
                pa.array(column, field.type)
                for column, field in zip(zip(*self._rows, strict=True), self._schema, strict=True)
            ]
            self._waiting.append(pa.RecordBatch.from_arrays(columns, schema=self._schema))
            self._rows = []


class SpillWriter(RecordBuffer):
    """Collects records and writes them by bucket.

    Args:
        path: The Arrow file to write; must not exist.
        num_buckets: Number of buckets, at least 1.
        channels: Those whose values the records have.
    """

    def __init__(self, path: str, num_buckets: int, channels: Sequence[ChannelColumn] = ()):
        super().__init__(num_buckets, channels)
        self._file = _ArrowFile(path, self._schema)
        self._batches: dict[int, list[int]] = {}

    def close(self) -> dict[int, Batches]:
        """Finishes the file.

        Returns:
            Bucket -> its batches.
        """
        self.flush()
        self._file.close()
        return {bucket: (self._file.path, batches) for bucket, batches in self._batches.items()}

    def _pass_on(self, bucket: int, batch: pa.RecordBatch) -> None:
        self._batches.setdefault(bucket, []).append(self._file.write(batch))


class ShuffleBuffer(RecordBuffer):
    """Collects records and gives them out by bucket, as bytes for the runner's own shuffle.

    Args:
        num_buckets: Number of buckets, at least 1.
        channels: Those whose values the records have.
    """

    def __init__(self, num_buckets: int, channels: Sequence[ChannelColumn] = ()):
        super().__init__(num_buckets, channels)
        self._ready: list[tuple[int, bytes]] = []

    def take(self) -> list[tuple[int, bytes]]:
        """Returns what is ready: bucket, records."""
        ready, self._ready = self._ready, []
        return ready

    def _pass_on(self, bucket: int, batch: pa.RecordBatch) -> None:
        self._ready.append((bucket, batch.serialize().to_pybytes()))


class _ArrowFile:
    """An Arrow file that is being written.

    Args:
        path: Where; must not exist.
        schema: Of its batches.

    Attributes:
        path: As given.
    """

    def __init__(self, path: str, schema: pa.Schema):
        self.path = path
        self._sink = FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)
        compression = "lz4" if pa.Codec.is_available("lz4") else None
        self._writer = pa.ipc.new_file(
            self._sink, schema, options=pa.ipc.IpcWriteOptions(compression=compression)
        )
        self._written = 0

    def write(self, batch: pa.RecordBatch) -> int:
        """Writes a batch; returns its number."""
        self._writer.write_batch(batch)
        self._written += 1
        return self._written - 1

    def close(self) -> None:
        """Finishes the file."""
        self._writer.close()
        self._sink.close()


def write_shuffled(
    path: str, records: Iterable[bytes], channels: Sequence[ChannelColumn] = ()
) -> Batches:
    """Writes what a shuffle brought of one bucket, and holds a batch of it at a time.

    Args:
        path: The Arrow file to write; must not exist.
        records: As of `ShuffleBuffer`.
        channels: As of it.
    """
    schema = _schema(channels)
    file = _ArrowFile(path, schema)
    numbers = [file.write(_unpacked(each, schema)) for each in records]
    file.close()
    return path, numbers


def _unpacked(records: bytes, schema: pa.Schema) -> pa.RecordBatch:
    return pa.ipc.read_record_batch(pa.py_buffer(records), schema)


def read_users(
    spilled: Iterable[Batches | bytes], clock: Clock, channels: Iterable[str] = ()
) -> Iterator[UserRecords]:
    """Loads one bucket.

    Args:
        spilled: The bucket's batches, from all Arrow files or as a shuffle brings them.
        clock: How the numbers of each file are read; those that it cannot read are left out.
        channels: The names of those whose values the records have.

    Yields:
        The users, by id.
    """
    batches: list[pa.RecordBatch] = []
    schema = _schema(channel_columns(channels))
    for each in spilled:
        if isinstance(each, bytes):
            batches.append(_unpacked(each, schema))
            continue
        path, numbers = each
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
            reader = pa.ipc.open_file(source)
            batches.extend(reader.get_batch(number) for number in numbers)
    table = pa.Table.from_batches(batches, schema)
    del batches
    table = _with_unix_seconds(table, clock)
    if not table.num_rows:
        return
    yield from _users(table.combine_chunks())


def _users(table: pa.Table) -> Iterator[UserRecords]:
    """Yields the users of a table, by id."""
    names, order, starts = _sorted(table)
    table = table.take(pa.array(order)).combine_chunks()
    kinds, timestamps, files, lines = (
        table[name].to_numpy() for name in ("kind", "timestamp", "file", "line")
    )
    payloads = table["payload"].chunk(0)
    framed = frame(payloads)
    others = {name: table[name].chunk(0) for name in table.column_names if name not in _FIELDS}
    has_labels = bool((kinds == LABEL).any())
    edges = [*starts.tolist(), table.num_rows]
    for name, (start, stop) in zip(names, itertools.pairwise(edges), strict=True):
        events = stop
        labels: list[tuple[int, int, str]] = []
        if has_labels:
            events = start + int(np.searchsorted(kinds[start:stop], LABEL))
            labels = [
                (int(files[row]), int(lines[row]), payloads[row].as_py())
                for row in range(events, stop)
            ]
        yield UserRecords(
            name,
            timestamps[start:events],
            payloads.slice(start, events - start),
            labels,
            framed.part(start, events),
            {name: values.slice(start, events - start) for name, values in others.items()},
        )


def _sorted(table: pa.Table) -> tuple[list[str], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns the users by id, the order of their records, and where in it each user begins.

    Last, file and line decide: no order may depend on the order in which Beam runs things.
    """
    users = table[USER_ID].chunk(0).dictionary_encode()
    names = users.dictionary
    by_name = pc.sort_indices(names).to_numpy()
    rank = np.empty(len(names), np.int64)
    rank[by_name] = np.arange(len(names))
    # Events before label rows.
    keys = rank[users.indices.to_numpy()] * 2 + table["kind"].to_numpy()
    files, lines = table["file"].to_numpy(), table["line"].to_numpy()
    columns = [table["timestamp"].to_numpy(), keys]
    same = files[1:] == files[:-1]
    if (files[1:] < files[:-1]).any() or (same & (lines[1:] < lines[:-1])).any():
        columns = [lines, files, *columns]
    order = np.lexsort(columns)
    starts = np.flatnonzero(np.diff(keys[order] // 2, prepend=-1))
    return names.take(pa.array(by_name)).to_pylist(), order, starts


def _with_unix_seconds(table: pa.Table, clock: Clock) -> pa.Table:
    numbers = table["number"].to_numpy()
    if not numbers.any():
        return table
    seconds = table["timestamp"].to_numpy().copy()
    seconds[numbers] = clock.seconds(seconds[numbers], table["file"].to_numpy()[numbers])
    place = table.schema.get_field_index("timestamp")
    table = table.set_column(place, table.field(place), pa.array(seconds, pa.float64()))
    valid = ~np.isnan(seconds)
    return table if valid.all() else table.filter(pa.array(valid))
