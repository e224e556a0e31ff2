"""Padded batches of users of like length, so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

_BATCH = 64
_BATCHES_OF_A_WINDOW = 16
_SHUFFLED = 10_000

Inputs = Sequence[tf.Tensor | tf.RaggedTensor]
"""What a model reads of users: tensors whose first dimension is the users."""


def batches_by_length(parts: Inputs, seed: int | None = None) -> tf.data.Dataset:
    """Batches users.

    Args:
        parts: The first one's rows are compared in length.
        seed: Users are shuffled by it anew in every epoch, and sorted some batches at a time; None:
            all are sorted, as `order_by_length` says.

    Returns:
        Tuples of dense tensors, padded with 0.
    """
    if seed is None:
        order = order_by_length(parts)
        users = tf.data.Dataset.from_tensor_slices(tuple(tf.gather(part, order) for part in parts))
        batches = users.ragged_batch(_BATCH)
    else:
        users = tf.data.Dataset.from_tensor_slices(tuple(parts)).shuffle(_SHUFFLED, seed=seed)
        batches = users.ragged_batch(_BATCH * _BATCHES_OF_A_WINDOW).flat_map(_of_a_window)
        batches = batches.shuffle(_BATCHES_OF_A_WINDOW, seed=seed)
        count = -(-parts[0].shape[0] // _BATCH)
        batches = batches.apply(tf.data.experimental.assert_cardinality(count))
    return batches.map(lambda *batch: tuple(_dense(part) for part in batch))


def order_by_length(parts: Inputs) -> np.ndarray:
    """The users in the order of the batches without a seed, int64 [users]."""
    return np.argsort(np.asarray(_lengths(parts[0])), kind="stable")


def _of_a_window(*users):
    order = tf.argsort(_lengths(users[0]), stable=True)
    sorted_users = tuple(tf.gather(part, order) for part in users)
    return tf.data.Dataset.from_tensor_slices(sorted_users).ragged_batch(_BATCH)


def _lengths(part):
    """The length of each row; a dense tensor's are all the same."""
    if isinstance(part, tf.RaggedTensor):
        return part.row_lengths()
    return tf.ones(tf.shape(part)[0], tf.int64)


def _dense(part):
    return part.to_tensor() if isinstance(part, tf.RaggedTensor) else part
