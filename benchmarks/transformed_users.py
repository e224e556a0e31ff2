"""Users as Transform writes them for the encoder, made by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import tensorflow as tf

from contract.features import HISTORY, TARGET, USER_ID

Behaviors = Sequence[Sequence[int]]
"""Word ids, [behaviours, (words)]."""


def write_users(path: str, users: Iterable[tuple[Behaviors, Behaviors]]) -> dict:
    """Writes users to a gzipped TFRecord file.

    Args:
        path: Of the file.
        users: Histories and targets.

    Returns:
        The feature spec of the file, as `tft_output.transformed_feature_spec()` returns it.
    """
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for number, (history, target) in enumerate(users):
            example = tf.train.Example()
            features = example.features.feature
            features[USER_ID].bytes_list.value.append(str(number).encode())
            for name, behaviors in ((HISTORY, history), (TARGET, target)):
                words = [word for behavior in behaviors for word in behavior]
                features[f"{name}$words"].int64_list.value.extend(words)
                features[f"{name}$lengths"].int64_list.value.extend(map(len, behaviors))
            writer.write(example.SerializeToString())
    return feature_spec()


def feature_spec() -> dict:
    """The features of such files, as `tft_output.transformed_feature_spec()` returns them."""
    spec = {
        name: tf.io.RaggedFeature(
            tf.int64,
            value_key=f"{name}$words",
            partitions=[tf.io.RaggedFeature.RowLengths(f"{name}$lengths")],
            row_splits_dtype=tf.int64,
        )
        for name in (HISTORY, TARGET)
    }
    # Transform's records hold more than the encoder reads.
    return {**spec, USER_ID: tf.io.FixedLenFeature([], tf.string)}
