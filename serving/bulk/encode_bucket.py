"""One bucket of users to one Parquet file."""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import struct
import uuid
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.utils.shared import Shared

from contract.event_channels import TIME, EventChannel, further_channels_of
from contract.features import BEHAVIORS
from contract.signatures import EXAMPLES, SERVING_DEFAULT, USER_VECTOR, USER_VECTORS
from ingestion.spill import Batches, UserRecords, read_users
from ingestion.timestamp_units import Clock
from serving.bulk.config import EncodingConfig
from serving.bulk.previous import Previous
from serving.bulk.vectors import DIGEST_BYTES, schema
from serving.saved_model import SavedModelSession

_DAY = 86_400.0
_MOST_ROWS = 65_536
_BATCHES_AT_ONCE = 16
"""So many batches of histories are sorted by their lengths: a batch is as wide as its longest."""
_MOST_TEXTS = 1 << 19
"""Of the histories that wait, whatever their number, so that memory does not grow with them."""

_COUNT = struct.Struct("<q")

_progress = logging.getLogger("progress")


def part_file(output: str, number: int) -> str:
    """Where the users of a bucket go."""
    return os.path.join(output, f"part-{number:05d}.parquet")


class _History(NamedTuple):
    """What one vector is made of: texts, and for each channel what it says of them."""

    texts: list[bytes]
    events: list[tuple[EventChannel, np.ndarray]]


class _Row(NamedTuple):
    """A user: what vectors are made of, or, if that is the same as before, the vector."""

    user_id: str
    behaviors: int
    histories: list[_History]
    digest: bytes
    vector: np.ndarray | None


class EncodeBucket(beam.DoFn):
    """Writes the vectors of a bucket's users to one Parquet file.

    Args:
        model_path: Folder of one version.
        version: Its number.
        output: Folder for the files.
        config: Periods, sizes.
        clock: How timestamps that are numbers are read.
        buckets: How many buckets there are.
        previous: An earlier encoding, whose vectors are taken where nothing has changed.
        forget: Ids of users who get no vector.
    """

    def __init__(
        self,
        model_path: str,
        version: int,
        output: str,
        config: EncodingConfig,
        clock: Clock,
        buckets: int,
        previous: Previous | None = None,
        forget: frozenset[str] = frozenset(),
    ):
        self._clock = clock
        self._buckets = buckets
        self._previous = previous
        self._forget = forget
        self._model_path = model_path
        self._version = version
        self._output = output
        self._config = config
        self._shared = Shared()

    def setup(self):
        """See base class."""
        # One model for all threads of a worker.
        self._model = self._shared.acquire(
            lambda: SavedModelSession(self._model_path, self._config.threads), self._model_path
        )

    def process(self, bucket: tuple[int, list[Batches]]) -> Iterable[int]:
        """Writes the file; Beam may run a bucket twice.

        Args:
            bucket: its number and its records.

        Yields:
            Number of users.
        """
        number, spilled = bucket
        path = part_file(self._output, number)
        temporary = f"{os.path.dirname(path)}/.{uuid.uuid4().hex}"
        known = self._previous.vectors(number, self._buckets) if self._previous else {}
        remembered = (
            user
            for user in read_users(spilled, self._clock, self._config.channels)
            if user.user_id not in self._forget
        )
        tables, users = self.tables(remembered, known), 0
        first = next(tables, None)
        if first is None:
            return
        with (
            FileSystems.create(temporary, compression_type=CompressionTypes.UNCOMPRESSED) as file,
            pq.ParquetWriter(file, first.schema) as writer,
        ):
            for table in itertools.chain([first], tables):
                writer.write_table(table)
                users += table.num_rows
                _progress.info("part %d: %s users encoded", number, f"{users:,}")
        FileSystems.rename([temporary], [path])
        yield users

    def tables(
        self, users: Iterable[UserRecords], known: dict[str, tuple[bytes, np.ndarray]]
    ) -> Iterator[pa.Table]:
        """Encodes users, about as many at a time as are sorted by their lengths.

        Args:
            users: In the order in which they come out.
            known: User id to the digest of the behaviours and the vector, of an earlier encoding.

        Yields:
            Rows of the file, a user each.
        """
        rows: list[_Row] = []
        waiting = texts = 0
        for user in users:
            histories = _histories(user, self._config)
            digest = _digest(histories)
            before, vector = known.get(user.user_id, (None, None))
            vector = vector if before == digest else None
            rows.append(_Row(user.user_id, len(user.timestamps), histories, digest, vector))
            if vector is None:
                waiting += len(histories)
                texts += sum(len(history.texts) for history in histories)
            full = waiting >= _BATCHES_AT_ONCE * self._config.batch_size or texts >= _MOST_TEXTS
            if full or len(rows) >= _MOST_ROWS:
                yield self._table(rows)
                rows, waiting, texts = [], 0, 0
        if rows:
            yield self._table(rows)

    def _table(self, rows: list[_Row]) -> pa.Table:
        vectors = self._pooled([row.histories for row in rows if row.vector is None])
        encoded = iter(vectors)
        matrix = np.stack([next(encoded) if row.vector is None else row.vector for row in rows])
        size = matrix.shape[1]
        fields = schema(size)
        columns = [
            pa.array([row.user_id for row in rows], pa.string()),
            pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), size),
            pa.array([row.behaviors for row in rows], pa.int32()),
            pa.array([len(row.histories) for row in rows], pa.int32()),
            pa.array([self._version] * len(rows), pa.int64()),
            pa.array([row.digest for row in rows], pa.binary(DIGEST_BYTES)),
            pa.array([row.vector is not None for row in rows], pa.bool_()),
        ]
        return pa.Table.from_arrays(columns, schema=fields)

    def _pooled(self, users: list[list[_History]]) -> np.ndarray:
        """The mean of every user's vectors, float32 [users, d]; [0, 0] without users."""
        if not users:
            return np.empty((0, 0), np.float32)
        histories = list(itertools.chain.from_iterable(users))
        order = np.argsort([len(history.texts) for history in histories], kind="stable")
        size = self._config.batch_size
        batches = [
            self._vectors([histories[number] for number in order[start : start + size]])
            for start in range(0, len(order), size)
        ]
        vectors = np.concatenate(batches)[np.argsort(order)]
        counts = np.array([len(each) for each in users])
        starts = np.cumsum(counts) - counts
        return (np.add.reduceat(vectors, starts) / counts[:, None]).astype(np.float32)

    def _vectors(self, histories: list[_History]) -> np.ndarray:
        examples = np.empty(len(histories), object)
        for index, history in enumerate(histories):
            example = tf.train.Example()
            features = example.features.feature
            features[BEHAVIORS].bytes_list.value.extend(history.texts)
            for channel, values in history.events:
                _write(features[channel.feature], values)
            examples[index] = example.SerializeToString()
        has_vectors = USER_VECTORS in self._model.signatures
        name = USER_VECTORS if has_vectors else SERVING_DEFAULT
        return self._model.run(name, {EXAMPLES: examples}, [USER_VECTOR])[USER_VECTOR]


def _digest(histories: list[_History]) -> bytes:
    """What two users share whose vectors are made of the same texts and events."""
    parts = []
    for history in histories:
        parts.append(_COUNT.pack(len(history.texts)))
        (_, moments), *others = history.events
        parts.append(np.asarray(moments, "<i8").tobytes())
        for text in history.texts:
            parts += [_COUNT.pack(len(text)), text]
        for channel, values in others:
            # What was written before there were other channels is still the same.
            parts += [channel.name.encode(), repr(values.tolist()).encode()]
    return hashlib.blake2b(b"".join(parts), digest_size=DIGEST_BYTES).digest()


def _histories(user: UserRecords, config: EncodingConfig) -> list[_History]:
    """The behaviours of every period that has any, oldest first; without periods all in one."""
    changes: list[int] = []
    if config.period_days is not None:
        periods = np.floor_divide(user.timestamps, config.period_days * _DAY)
        changes = (np.flatnonzero(np.diff(periods)) + 1).tolist()
    events = [
        (channel, user.of(channel)) for channel in (TIME, *further_channels_of(config.channels))
    ]
    texts = user.texts.cast(pa.large_binary())
    parts = (
        slice(max(start, stop - config.max_behaviors), stop)
        for start, stop in itertools.pairwise([0, *changes, len(texts)])
    )
    return [
        _History(texts[part].to_pylist(), [(channel, values[part]) for channel, values in events])
        for part in parts
    ]


def _write(feature: tf.train.Feature, values: np.ndarray) -> None:
    if values.dtype == object:
        feature.bytes_list.value.extend(text.encode() for text in values)
    elif values.dtype == np.float32:
        feature.float_list.value.extend(values.tolist())
    else:
        feature.int64_list.value.extend(values.tolist())
