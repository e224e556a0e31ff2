"""What several tests of the encoder use."""

import pytest


@pytest.fixture
def write_users(tmp_path):
    """Returns a function that writes users as Transform would, and the feature spec of them."""
    import tensorflow as tf

    spec = {
        name: tf.io.RaggedFeature(
            tf.int64,
            value_key=f"{name}$words",
            partitions=[tf.io.RaggedFeature.RowLengths(f"{name}$lengths")],
            row_splits_dtype=tf.int64,
        )
        for name in ("history", "target")
    }
    # Transform's records hold more than the encoder reads.
    spec["user_id"] = tf.io.FixedLenFeature([], tf.string)

    def write(users):
        path = str(tmp_path / "users-00000-of-00001.gz")
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for number, (history, target) in enumerate(users):
                example = tf.train.Example()
                features = example.features.feature
                features["user_id"].bytes_list.value.append(str(number).encode())
                for name, behaviors in (("history", history), ("target", target)):
                    words = [word for behavior in behaviors for word in behavior]
                    features[f"{name}$words"].int64_list.value.extend(words)
                    features[f"{name}$lengths"].int64_list.value.extend(map(len, behaviors))
                writer.write(example.SerializeToString())
        return path, spec

    return write
