"""Writes the examples of gathered users as TFRecord files.

A DoFn writes whole files instead of passing examples on, because TFX's own `WriteSplit` reshuffles
them, and Beam's local runner would keep them all in memory.
"""

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping

import apache_beam as beam
import tensorflow as tf
from apache_beam.io.filesystems import FileSystems

from contract.splits import EVAL
from ingestion import division
from ingestion.config import IngestionConfig, Task
from ingestion.errors import BadValue
from ingestion.examples import labelled_example, unlabelled_example
from ingestion.files import InputFile
from ingestion.report import reading_failed
from ingestion.spill import Batches, UserRecords, read_users
from ingestion.statistics import Shard, Statistics
from ingestion.timestamp_units import Clock
from ingestion.values import loose_user_id

# A third of the usual level's time, for an eighth more bytes.
_OPTIONS = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=2)


class WriteShards(beam.DoFn):
    """Turns a bucket of users into one TFRecord file a split.

    Args:
        config: How behaviours become examples.
        tasks: Name -> task; if empty, the examples are unlabelled ones.
        files: The input files, to name the places of bad label rows.
        folder: Where to put the shards; every worker must reach it.
    """

    def __init__(
        self,
        config: IngestionConfig,
        tasks: Mapping[str, Task],
        files: Iterable[InputFile],
        folder: str,
    ):
        self._config = config
        self._tasks = dict(tasks)
        self._label_paths = {file.index: file.path for file in files if file.kind == "labels"}
        self._folder = folder

    def process(
        self,
        bucket: tuple[int, Iterable[Batches | bytes]],
        reading: Statistics,
        boundaries: tuple[int, ...] = (),
    ) -> Iterator[Statistics]:
        """Writes the shards, unless reading has failed already.

        Args:
            bucket: Its number and its records.
            reading: Statistics of all files.
            boundaries: Of the activity groups, where the configuration leaves them to the data.

        Yields:
            The bucket's statistics.
        """
        if reading_failed(reading, self._config.max_bad_fraction):
            return
        number, spilled = bucket
        config = self._config
        if config.activity_boundaries is None:
            config = config.model_copy(update={"activity_boundaries": boundaries})
        statistics = Statistics()
        if self._tasks:
            statistics.activity_boundaries = config.activity_boundaries
        clock = Clock.of(reading.timestamp_units, self._config.timestamp_unit)
        similar = _SimilarIds()
        writers = {}
        try:
            for user in read_users(spilled, clock, config.channels):
                statistics.duplicate_events += user.count_duplicates()
                if self._tasks:
                    similar.add(user)
                example = self._example(user, config, statistics)
                if example is None:
                    continue
                for split in self._splits(user):
                    statistics.examples[split] += 1
                    if split not in writers:
                        # Beam may run a bucket twice; both attempts must be able to write.
                        name = f"{split}-{number:03d}-{uuid.uuid4().hex}.gz"
                        path = FileSystems.join(self._folder, name)
                        writers[split] = tf.io.TFRecordWriter(path, _OPTIONS)
                        statistics.shards.append(Shard(split=split, bucket=number, path=path))
                    writers[split].write(example)
        finally:
            for writer in writers.values():
                writer.close()
        similar.count(statistics)
        yield statistics

    def _splits(self, user: UserRecords) -> list[str]:
        if self._tasks or self._config.hold_out_eval or user.split != EVAL:
            return [user.split]
        return [EVAL, division.training_split_of(user.user_id)]

    def _example(
        self, user: UserRecords, config: IngestionConfig, statistics: Statistics
    ) -> bytes | None:
        if len(user.timestamps):
            statistics.users += 1
            statistics.sample_user = statistics.sample_user or user.user_id
        if not self._tasks and not len(user.timestamps):
            return None  # Only the user's split is known.
        if not self._tasks:
            return unlabelled_example(user, config, statistics)
        if not user.labels:
            statistics.skipped_users["no label row"] += 1
            return None
        statistics.labelled_users += 1
        statistics.sample_labelled_user = statistics.sample_labelled_user or user.user_id
        for file, line, _ in user.labels[1:]:
            duplicate = BadValue("duplicate_label", user.user_id)
            statistics.labels.add_bad(self._label_paths[file], line, duplicate)
        return labelled_example(user, config, self._tasks, statistics)


class _SimilarIds:
    """Finds labelled users whose events stand under an id that is easily confused with theirs.

    Such ids are in one bucket.
    """

    def __init__(self) -> None:
        self._of_events: dict[str, str] = {}
        self._of_labels: list[str] = []

    def add(self, user: UserRecords) -> None:
        """Adds a user; those with both events and labels are of no interest."""
        if not user.labels:
            self._of_events.setdefault(loose_user_id(user.user_id), user.user_id)
        elif not len(user.timestamps):
            self._of_labels.append(user.user_id)

    def count(self, statistics: Statistics) -> None:
        """Writes what was found into the statistics."""
        pairs = [
            (self._of_events[loose], user_id)
            for user_id in self._of_labels
            if (loose := loose_user_id(user_id)) in self._of_events
        ]
        statistics.similar_ids = len(pairs)
        statistics.similar_pair = min(pairs, default=None)


def publish_shards(shards: Iterable[Shard], split_folders: Mapping[str, str]) -> None:
    """Moves finished shards to where TFX looks for them.

    Args:
        shards: What to move.
        split_folders: Split -> its folder, which is made anew.
    """
    for split, folder in split_folders.items():
        # Orchestrators give a retried run the folder of the attempt that failed.
        if tf.io.gfile.exists(folder):
            tf.io.gfile.rmtree(folder)
        tf.io.gfile.makedirs(folder)
        paths = [shard.path for shard in shards if shard.split == split]
        for number, path in enumerate(paths):
            name = f"data_tfrecord-{number:05d}-of-{len(paths):05d}.gz"
            tf.io.gfile.rename(path, os.path.join(folder, name))
