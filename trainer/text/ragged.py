"""Rows of different lengths, in memory of as many numbers as there are values.

TensorFlow's `tf.repeat`, `RaggedTensor.value_rowids` and `tf.ragged.boolean_mask` make a dense
matrix of all rows as long as the longest one: a single text of a megabyte among some thousand short
ones would take gigabytes, of a server too.

Nothing here checks at run time what holds by construction: a check is an operation that no graph
leaves out, with all that leads to it, even where nobody asks for the result.
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


def row_splits(rows: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Where the rows of values begin and end.

    Args:
        rows: Int64 [values], ascending; the row of every value.
        count: Int64 []; how many rows there are.

    Returns:
        int64 [rows + 1]; for the rows 0 0 2 of three it is 0 2 2 3.
    """
    lengths = tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, count)
    return tf.concat([[0], tf.cumsum(lengths)], axis=0)


def rows_of_one(values: tf.Tensor) -> tf.RaggedTensor:
    """Each value, [n], as a row of its own, [n, (values)]."""
    splits = tf.range(tf.size(values, tf.int64) + 1)
    return tf.RaggedTensor.from_row_splits(values, splits, validate=False)


def gather_rows(rows: tf.RaggedTensor, indices: tf.Tensor) -> tf.RaggedTensor:
    """Takes rows, [n, (values)], by their indices, int64 [m]; a row may be taken often."""
    taken = tf.raw_ops.RaggedGather(
        params_nested_splits=[rows.row_splits],
        params_dense_values=rows.values,
        indices=indices,
        OUTPUT_RAGGED_RANK=1,
    )
    return tf.RaggedTensor.from_row_splits(
        taken.output_dense_values, taken.output_nested_splits[0], validate=False
    )


def joined(outer: tf.RaggedTensor, rows: tf.RaggedTensor) -> tf.RaggedTensor:
    """Rows of rows as rows: [n, (m)] and what their m values stand for, [m, (values)]."""
    splits = tf.gather(rows.row_splits, outer.row_splits)
    return tf.RaggedTensor.from_row_splits(rows.values, splits, validate=False)


def side_by_side(left: tf.RaggedTensor, right: tf.RaggedTensor) -> tf.RaggedTensor:
    """Each row of the one, [n, (values)], and behind it that of the other, [n, (values)]."""
    below = right.row_splits[1:] + left.row_splits[-1]
    both = tf.RaggedTensor.from_row_splits(
        tf.concat([left.values, right.values], axis=0),
        tf.concat([left.row_splits, below], axis=0),
        validate=False,
    )
    rows = tf.range(left.nrows())
    in_turns = gather_rows(both, tf.reshape(tf.stack([rows, rows + left.nrows()], axis=1), [-1]))
    return tf.RaggedTensor.from_row_splits(
        in_turns.values, in_turns.row_splits[::2], validate=False
    )


def first(rows: tf.RaggedTensor, limit: tf.Tensor) -> tf.RaggedTensor:
    """The first `limit` values, int64 [], of each row; values may be rows themselves."""
    starts = rows.row_splits[:-1]
    return _between(rows, starts, tf.minimum(rows.row_splits[1:], starts + limit))


def last(rows: tf.RaggedTensor, limit: tf.Tensor) -> tf.RaggedTensor:
    """The last `limit` values, int64 [], of each row; values may be rows themselves."""
    ends = rows.row_splits[1:]
    return _between(rows, tf.maximum(rows.row_splits[:-1], ends - limit), ends)


def _between(rows: tf.RaggedTensor, starts: tf.Tensor, ends: tf.Tensor) -> tf.RaggedTensor:
    # Slices of a RaggedTensor would do the same in five times as many operations.
    taken = tf.raw_ops.RaggedRange(starts=starts, limits=ends, deltas=tf.constant(1, tf.int64))
    values = rows.values
    return tf.RaggedTensor.from_row_splits(
        gather_rows(values, taken.rt_dense_values)
        if isinstance(values, tf.RaggedTensor)
        else tf.gather(values, taken.rt_dense_values),
        taken.rt_nested_splits,
        validate=False,
    )


def keep(rows: tf.RaggedTensor, mask: tf.Tensor) -> tf.RaggedTensor:
    """Leaves out values, which may be rows themselves; all rows stay.

    Args:
        rows: RaggedTensor [n, (values), ...].
        mask: Bool [values]; what is kept, of `rows.values`.

    Returns:
        RaggedTensor [n, (values), ...].
    """
    kept_before = tf.concat([[0], tf.cumsum(tf.cast(mask, rows.row_splits.dtype))], axis=0)
    kept, values = tf.where(mask)[:, 0], rows.values
    return tf.RaggedTensor.from_row_splits(
        gather_rows(values, kept)
        if isinstance(values, tf.RaggedTensor)
        else tf.gather(values, kept),
        tf.gather(kept_before, rows.row_splits),
        validate=False,
    )
