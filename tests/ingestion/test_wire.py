"""Examples written by hand are those that TensorFlow writes."""

import hypothesis
import numpy as np
import pyarrow as pa
import tensorflow as tf
from hypothesis import strategies as st

from ingestion.wire import (
    bytes_feature,
    float_feature,
    frame,
    integers_feature,
    serialize,
    text_feature,
)

_TEXTS = st.lists(
    st.text(max_size=9) | st.sampled_from(["x" * 127, "x" * 128, "ü" * 2048, "x" * 20_000]),
    min_size=1,
    max_size=5,
)


@hypothesis.given(
    texts=_TEXTS,
    user_id=st.text(max_size=5),
    integers=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4),
    weight=st.floats(width=32, allow_nan=False),
    name=st.text(min_size=1, max_size=200),
    seed=st.integers(0, 99),
)
@hypothesis.settings(max_examples=150, deadline=None)
def test_examples(texts, user_id, integers, weight, name, seed):
    some = np.sort(np.random.default_rng(seed).choice(len(texts), 1 + seed % len(texts), False))
    column = pa.array(["before", *texts], pa.large_string())
    framed = frame(column.slice(1))
    half = len(texts) // 2
    features = {
        "user_id": text_feature(user_id),
        "all": bytes_feature(framed.take(slice(0, len(texts)))),
        "half": bytes_feature(framed.part(half, len(texts)).take(slice(0, len(texts) - half))),
        "some": bytes_feature(framed.take(some)),
        "timestamps": integers_feature(integers),
        "weight": float_feature(weight),
        name: integers_feature([1]),
    }
    example = tf.train.Example()
    for key, values in {
        "user_id": [user_id],
        "all": texts,
        "half": texts[half:],
        "some": [texts[place] for place in some],
    }.items():
        example.features.feature[key].bytes_list.value.extend(text.encode() for text in values)
    example.features.feature["timestamps"].int64_list.value.extend(integers)
    example.features.feature["weight"].float_list.value.append(weight)
    example.features.feature[name].Clear()
    example.features.feature[name].int64_list.value.append(1)
    assert serialize(features) == example.SerializeToString(deterministic=True)


def test_no_texts():
    assert frame(pa.array([], pa.large_string())).take(slice(0, 0)) == b""
