"""Records on disk, so that gathering them by user does not hold them in memory.

One Arrow file holds the records of one input file, as batches of one bucket of users each.
"""

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from contract.features import USER_ID
from ingestion.division import split_of
from ingestion.timestamp_units import Clock
from ingestion.values import loose_user_id

EVENT = 0
LABEL = 1

# 64-bit offsets: a bucket may hold more than 2 GiB of text.
_SCHEMA = pa.schema(
    {
        USER_ID: pa.large_string(),
        "kind": pa.int8(),
        "timestamp": pa.float64(),
        # Whether the timestamp is a number of the file's unit, and not yet Unix seconds.
        "number": pa.bool_(),
        "file": pa.int32(),
        "line": pa.int64(),
        "payload": pa.large_string(),
    }
)
# Last, file and line: no order may depend on the order in which Beam runs things.
_SORT_KEYS = [(name, "ascending") for name in (USER_ID, "kind", "timestamp", "file", "line")]
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
    """

    user_id: str
    timestamps: npt.NDArray[np.float64]
    texts: pa.LargeStringArray
    labels: list[tuple[int, int, str]]

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

    def count_duplicates(self) -> int:
        """Returns how many events repeat the timestamp and the text of another one."""
        tied = np.flatnonzero(self.timestamps[1:] == self.timestamps[:-1])
        if not len(tied):
            return 0
        places = np.union1d(tied, tied + 1)
        # Hashes: the texts of a user with a million events are many.
        texts = (hash(text) for text in self.texts.take(pa.array(places)).to_pylist())
        different = set(zip(self.timestamps[places].tolist(), texts, strict=True))
        return len(places) - len(different)


class SpillWriter:
    """Collects records and writes them by bucket.

    Args:
        path: The Arrow file to write; must not exist.
        num_buckets: Number of buckets, at least 1.
    """

    def __init__(self, path: str, num_buckets: int):
        self._path = path
        self._num_buckets = num_buckets
        self._sink = FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)
        compression = "lz4" if pa.Codec.is_available("lz4") else None
        self._writer = pa.ipc.new_file(
            self._sink, _SCHEMA, options=pa.ipc.IpcWriteOptions(compression=compression)
        )
        self._batches: dict[int, list[int]] = {}
        self._written = 0
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
        """
        self._rows.append((user_id, kind, timestamp, number, file, line, payload))
        self._characters += len(payload)
        if len(self._rows) >= _BUFFERED_RECORDS or self._characters >= _BUFFERED_CHARACTERS:
            self._flush()

    def close(self) -> dict[int, Batches]:
        """Finishes the file.

        Returns:
            Bucket -> its batches.
        """
        self._flush()
        self._writer.close()
        self._sink.close()
        return {bucket: (self._path, batches) for bucket, batches in self._batches.items()}

    def _clear(self) -> None:
        self._rows: list[tuple[str, int, float, bool, int, int, str]] = []
        self._characters = 0

    def _flush(self) -> None:
        if not self._rows:
            return
        columns = [
            pa.array(column, field.type)
            for column, field in zip(zip(*self._rows, strict=True), _SCHEMA, strict=True)
        ]
        table = pa.Table.from_arrays(columns, schema=_SCHEMA)
        buckets = np.array([bucket_of(row[0], self._num_buckets) for row in self._rows])
        self._clear()
        order = np.argsort(buckets)
        table = table.take(order)
        present, starts = np.unique(buckets[order], return_index=True)
        for bucket, start, stop in zip(present, starts, [*starts[1:], len(order)], strict=True):
            (batch,) = table.slice(start, stop - start).combine_chunks().to_batches()
            self._writer.write_batch(batch)
            self._batches.setdefault(int(bucket), []).append(self._written)
            self._written += 1


def bucket_of(user_id: str, num_buckets: int) -> int:
    """Returns the bucket of a user, the same for ids that are easily confused.

    Unlike a CRC it does not go with the split.
    """
    digest = hashlib.blake2b(loose_user_id(user_id).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % num_buckets


def read_users(spilled: Iterable[Batches], clock: Clock) -> Iterator[UserRecords]:
    """Loads one bucket.

    Args:
        spilled: The bucket's batches, from all Arrow files.
        clock: How the numbers of each file are read; those that it cannot read are left out.

    Yields:
        The users, by id.
    """
    batches: list[pa.RecordBatch] = []
    for path, numbers in spilled:
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
            reader = pa.ipc.open_file(source)
            batches.extend(reader.get_batch(number) for number in numbers)
    table = pa.Table.from_batches(batches, _SCHEMA)
    del batches
    table = _with_unix_seconds(table, clock)
    if not table.num_rows:
        return
    table = table.take(pc.sort_indices(table, sort_keys=_SORT_KEYS)).combine_chunks()
    users = table[USER_ID].combine_chunks()
    changes = np.flatnonzero(pc.not_equal(users[1:], users[:-1]).to_numpy(False)) + 1
    for start, stop in itertools.pairwise([0, *changes, len(users)]):
        yield _user_records(table.slice(start, stop - start))


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


def _user_records(table: pa.Table) -> UserRecords:
    (batch,) = table.to_batches()
    kinds = batch["kind"].to_numpy()
    events = int(np.searchsorted(kinds, LABEL))
    labels = (batch[name].slice(events).to_pylist() for name in ("file", "line", "payload"))
    return UserRecords(
        user_id=batch[USER_ID][0].as_py(),
        timestamps=batch["timestamp"].slice(0, events).to_numpy(),
        texts=batch["payload"].slice(0, events),
        labels=list(zip(*labels, strict=True)),
    )
