"""One bucket of users to one Parquet file."""

from __future__ import annotations

import itertools
import logging
import os
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

from contract.features import BEHAVIORS, TIMESTAMPS
from contract.signatures import EXAMPLES, SERVING_DEFAULT, USER_VECTOR
from ingestion.spill import Batches, UserRecords, read_users
from ingestion.timestamp_units import Clock
from serving.bulk.config import EncodingConfig
from serving.bulk.vectors import schema
from serving.saved_model import SavedModelSession

_DAY = 86_400.0

_progress = logging.getLogger("progress")


def part_file(output: str, number: int) -> str:
    """Where the users of a bucket go."""
    return os.path.join(output, f"part-{number:05d}.parquet")


class _History(NamedTuple):
    """What one vector is made of: texts, and their moments in Unix seconds."""

    texts: list[str]
    timestamps: np.ndarray


class EncodeBucket(beam.DoFn):
    """Writes the vectors of a bucket's users to one Parquet file.

    Args:
        model_path: Folder of one version.
        version: Its number.
        output: Folder for the files.
        config: Periods, sizes.
        clock: How timestamps that are numbers are read.
    """

    def __init__(
        self, model_path: str, version: int, output: str, config: EncodingConfig, clock: Clock
    ):
        self._clock = clock
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
        tables, users = self._tables(read_users(spilled, self._clock)), 0
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

    def _tables(self, users: Iterable[UserRecords]) -> Iterator[pa.Table]:
        """Tables of about a batch of histories each."""
        rows: list[tuple[str, int, list[_History]]] = []
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

    def _table(self, rows: list[tuple[str, int, list[_History]]]) -> pa.Table:
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

    def _vectors(self, histories: list[_History]) -> np.ndarray:
        examples = np.empty(len(histories), object)
        for index, history in enumerate(histories):
            example = tf.train.Example()
            features = example.features.feature
            features[BEHAVIORS].bytes_list.value.extend(text.encode() for text in history.texts)
            features[TIMESTAMPS].int64_list.value.extend(history.timestamps)
            examples[index] = example.SerializeToString()
        outputs = self._model.run(SERVING_DEFAULT, {EXAMPLES: examples}, [USER_VECTOR])
        return outputs[USER_VECTOR]


def _histories(user: UserRecords, config: EncodingConfig) -> list[_History]:
    """The behaviours of every period that has any, oldest first; without periods all in one."""
    changes: list[int] = []
    if config.period_days is not None:
        periods = np.floor_divide(user.timestamps, config.period_days * _DAY)
        changes = (np.flatnonzero(np.diff(periods)) + 1).tolist()
    seconds = user.timestamps.astype(np.int64)
    parts = (
        slice(max(start, stop - config.max_behaviors), stop)
        for start, stop in itertools.pairwise([0, *changes, len(seconds)])
    )
    return [_History(user.texts[part].to_pylist(), seconds[part]) for part in parts]
