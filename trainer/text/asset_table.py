"""A table in a file that Transform's analysis writes, and that is an asset of the model."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable

import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.io.filesystems import FileSystems

SEPARATOR = "\t"


class AssetTable:
    """Looks strings up in a file of an analyzer: one line a row, `key<TAB>value`.

    To be made in a `preprocessing_fn`.

    Args:
        path: String []; what the analyzer returned.
        value_dtype: Of the values.
        value_index: `tf.lookup.TextFileIndex.LINE_NUMBER`, or 1 for what stands in the line.
        default: The value of what is not in there.
    """

    def __init__(self, path: tf.Tensor, value_dtype: tf.DType, value_index: int, default):
        self._path = path
        self._value_dtype = value_dtype
        self._value_index = value_index
        self._default = default
        self._table: tf.lookup.StaticHashTable | None = None

    def __call__(self, keys: tf.Tensor) -> tf.Tensor:
        """String [n] to values [n]."""
        # Transform takes what is looked up for a feature of integers, and asks for the size of the
        # table for its schema, which every request would then compute. So it gets a stand-in, and
        # finds what has to be analysed first by way of that.
        looked_up = []

        def look_up(keys, path):
            looked_up.append(self._make_table(path).lookup(keys))
            return tf.zeros([0], tf.int64), tf.constant(1, tf.int64)

        analyzed = tft.apply_vocabulary(keys, self._path, lookup_fn=look_up)
        with tf.control_dependencies([analyzed]):
            return tf.identity(looked_up[0])

    def _make_table(self, path) -> tf.lookup.StaticHashTable:
        if self._table is None:
            # Lifted out of the traced function, the table is made and filled once per model.
            with tf.init_scope() if hasattr(path, "numpy") else contextlib.nullcontext():
                self._table = tf.lookup.StaticHashTable(
                    tf.lookup.TextFileInitializer(
                        path,
                        key_dtype=tf.string,
                        key_index=0,
                        value_dtype=self._value_dtype,
                        value_index=self._value_index,
                        delimiter=SEPARATOR,
                    ),
                    default_value=self._default,
                )
        return self._table


def write_asset(rows: Iterable[bytes], folder: str, name: str) -> str:
    """Writes a file of an analyzer; returns its path.

    Args:
        rows: Lines, without their ends.
        folder: The analyzer's `base_temp_dir`.
        name: Of the file, and of the asset.
    """
    # A folder of its own per attempt keeps the asset's name and lets Beam retry.
    path = os.path.join(folder, uuid.uuid4().hex, name)
    with FileSystems.create(path, "application/octet-stream") as file:
        for row in rows:
            file.write(row + b"\n")
    return path


class by_frequency:  # noqa: N801 - used as a key function
    """Orders (word, count): greatest is the most frequent, then the alphabetically first."""

    def __init__(self, row: tuple):
        self._word, self._count = row

    def __lt__(self, other: by_frequency) -> bool:
        return (self._count, other._word) < (other._count, self._word)
