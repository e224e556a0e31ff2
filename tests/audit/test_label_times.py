"""What happened after a label's moment is no evidence of it."""

import pytest
import tensorflow as tf

from audit.label_times import label_times_check, last_moment, read_label_times
from ingestion.errors import DataError


def _examples(folder, users):
    path = folder / "Split-eval" / "examples.gz"
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for user, moments in users.items():
            features = {
                "user_id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[user.encode()])),
                "timestamps": tf.train.Feature(int64_list=tf.train.Int64List(value=moments)),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    return str(folder)


def test_moments_are_read(tmp_path):
    (tmp_path / "labels.csv").write_text(
        "user_id,likes,asked\na,1,2024-01-01\nb,0,1704067201\nc,1,\nd,0,soon\n"
    )
    times = read_label_times(str(tmp_path / "labels.csv"), "user_id", "asked")
    assert times == {"a": 1704067200.0, "b": 1704067201.0}
    with pytest.raises(DataError, match=r"audit\.label_time"):
        read_label_times(str(tmp_path / "labels.csv"), "user_id", "answered")


def test_behaviours_with_moments_are_compared_with_the_labels(tmp_path):
    examples = _examples(tmp_path, {"a": [5, 9], "b": [3], "c": [99], "d": []})
    check = label_times_check(examples, {"a": 9, "b": 4, "d": 1}, None)
    assert check["holds"] is True
    check = label_times_check(examples, {"a": 8, "b": 3, "d": 1}, None)
    assert check["holds"] is False
    assert check["evidence"] == (
        "3 labelled users have a moment; 1 of them have behaviours that are younger"
    )


def test_without_moments_the_end_of_the_behaviours_decides(tmp_path):
    examples = _examples(tmp_path, {"a": [], "b": []})
    assert label_times_check(examples, {"a": 10, "b": 11}, 10)["holds"] is True
    check = label_times_check(examples, {"a": 9, "b": 11}, 10)
    assert check["holds"] is None
    assert "for 1 of them it is before 1970-01-01T00:00:10" in check["evidence"]
    assert "data.channels: [time]" in check["evidence"]
    assert label_times_check(examples, {"a": 9}, None)["holds"] is None
    assert "label_time" in label_times_check(examples, None, 10)["evidence"]


def test_windows_end_the_behaviours():
    windows = {"method": "windows", "inference": {"end": 20.0}}
    assert last_moment({"data": {"division": windows}}, 30.0) == 20
    assert last_moment({"data": {"division": windows}}, 10.0) == 10
    assert last_moment({"data": {"division": windows}}, None) == 20
    assert last_moment({"data": {"division": {"method": "fraction"}}}, 10.0) == 10
    assert last_moment({}, None) is None
