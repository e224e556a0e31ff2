"""Rows of different lengths, in memory of as many numbers as there are values.

TensorFlow's `tf.repeat`, `RaggedTensor.value_rowids` and `tf.ragged.boolean_mask` make a dense
matrix of all rows as long as the longest one: a single text of a megabyte among some thousand short
ones would take gigabytes, of a server too.
"""

from __future__ import annotations

import tensorflow as tf


def row_ids(lengths: tf.Tensor) -> tf.Tensor:
    """The row of every value.

    Args:
        lengths: Int64 [rows].

    Returns:
        int64 [sum of `lengths`]; for the lengths 2, 0, 1 it is 0 0 2.
    """
    ends = tf.cumsum(lengths)
    size = tf.reduce_sum(lengths)
    # Rows that end at the very end have no value behind them.
    ending = tf.scatter_nd(ends[:, None], tf.ones_like(ends), size[None] + 1)
    return tf.cumsum(ending[:-1])


def repeat(values: tf.Tensor, times: tf.Tensor) -> tf.Tensor:
    """Repeats each value, [n], as many times, int64 [n], as is said."""
    return tf.gather(values, row_ids(times))


def keep(rows: tf.RaggedTensor, mask: tf.Tensor) -> tf.RaggedTensor:
    """Leaves out values, which may be rows themselves; all rows stay.

    Args:
        rows: RaggedTensor [n, (values), ...].
        mask: Bool [values]; what is kept, of `rows.values`.

    Returns:
        RaggedTensor [n, (values), ...].
    """
    kept_before = tf.concat([[0], tf.cumsum(tf.cast(mask, rows.row_splits.dtype))], axis=0)
    return tf.RaggedTensor.from_row_splits(
        tf.gather(rows.values, tf.where(mask)[:, 0]),
        tf.gather(kept_before, rows.row_splits),
        validate=False,
    )
