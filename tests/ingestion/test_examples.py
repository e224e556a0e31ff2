import json

import numpy as np
import pyarrow as pa

from ingestion.config import FractionDivision, IngestionConfig, Task
from ingestion.examples import labelled_example, unlabelled_example
from ingestion.spill import UserRecords
from ingestion.statistics import Statistics

_USER = UserRecords(
    user_id="u",
    timestamps=np.array([0.5, 1_700_000_000.0, 1_700_000_000.999, 4_102_444_800.0]),
    texts=pa.array(["a", "b", "c", "d"], pa.large_string()),
    labels=[(0, 2, json.dumps([[1], None]))],
)


def _features(serialized):
    import tensorflow as tf

    example = tf.train.Example.FromString(serialized)
    return {
        name: list(getattr(feature, feature.WhichOneof("kind")).value)
        for name, feature in example.features.feature.items()
    }


def _examples(**settings):
    config = IngestionConfig(**settings)
    return (
        _features(unlabelled_example(_USER, config, Statistics())),
        _features(labelled_example(_USER, config, {"likes": Task()}, Statistics())),
    )


def test_with_the_channel_of_time_every_text_has_its_moment():
    unlabelled, labelled = _examples(channels=["time"], max_behaviors=3)
    assert unlabelled == {
        "user_id": [b"u"],
        "history": [b"a", b"b"],
        "history_timestamps": [0, 1_700_000_000],
        "target": [b"c", b"d"],
        "target_timestamps": [1_700_000_000, 4_102_444_800],
    }
    assert labelled["behaviors"] == [b"b", b"c", b"d"]
    assert labelled["timestamps"] == [1_700_000_000, 1_700_000_000, 4_102_444_800]


def test_moments_are_cut_with_their_texts():
    division = FractionDivision(fraction=0.75)
    unlabelled, _ = _examples(channels=["time"], max_behaviors=2, division=division)
    assert unlabelled["history"] == [b"b", b"c"]
    assert unlabelled["history_timestamps"] == [1_700_000_000, 1_700_000_000]


def test_a_sample_is_drawn_of_what_a_user_is_represented_from():
    _, labelled = _examples(channels=["time"], inference_sample=2)
    drawn = dict(zip("abcd", [0, 1_700_000_000, 1_700_000_000, 4_102_444_800], strict=True))
    texts = [text.decode() for text in labelled["behaviors"]]
    assert len(set(texts)) == 2
    assert texts == sorted(texts)
    assert labelled["timestamps"] == [drawn[text] for text in texts]
    assert _examples(channels=["time"], inference_sample=2)[1] == labelled
    assert len(_examples(inference_sample=4)[1]["behaviors"]) == 4


def test_without_it_the_examples_have_no_moments():
    unlabelled, labelled = _examples()
    assert set(unlabelled) == {"user_id", "history", "target"}
    assert set(labelled) == {"user_id", "behaviors", "activity", "likes", "likes_weight"}
