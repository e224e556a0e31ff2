"""What the client writes is what TensorFlow Serving's own messages read, for any texts."""

import hypothesis
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import predict_pb2

from contract.features import BEHAVIORS
from contract.signatures import EXAMPLES, USER_VECTOR, USER_VECTORS
from serving.client import wire
from serving.client.messages import ModelVersion, float_array, predict_requests

_TEXTS = st.text() | st.binary()
_USERS = st.lists(
    st.lists(st.tuples(_TEXTS, st.integers(0, 10**11 - 1)), max_size=5), min_size=1, max_size=6
)
_MODELS = st.builds(
    ModelVersion, st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
) | st.builds(ModelVersion, st.just("shop"), st.integers(0, 2**63 - 1))


@hypothesis.given(_USERS, _MODELS, st.booleans(), st.integers(1, 4))
@hypothesis.settings(deadline=None)
def test_requests_are_read_as_they_were_meant(users, model, with_times, batch_size):
    histories = [[text for text, _ in user] for user in users]
    moments = [[moment for _, moment in user] for user in users] if with_times else None
    read = []
    events = {"timestamps": moments} if with_times else {}
    for request in predict_requests(
        histories, events, model, USER_VECTORS, [USER_VECTOR], batch_size
    ):
        theirs = predict_pb2.PredictRequest.FromString(request.SerializeToString())
        assert theirs.model_spec.name == model.name
        assert theirs.model_spec.version.value == (model.version or 0)
        assert theirs.model_spec.signature_name == USER_VECTORS
        assert list(theirs.output_filter) == [USER_VECTOR]
        array = tf.make_ndarray(theirs.inputs[EXAMPLES])
        assert len(array) <= batch_size
        read += [tf.train.Example.FromString(example) for example in array]
    assert len(read) == len(users)
    for index, (example, history) in enumerate(zip(read, histories, strict=True)):
        features = example.features.feature
        assert list(features[BEHAVIORS].bytes_list.value) == [
            text.encode() if isinstance(text, str) else text for text in history
        ]
        if moments:
            assert list(features["timestamps"].int64_list.value) == moments[index]


@hypothesis.given(
    st.lists(st.integers(0, 4), max_size=3),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_answers_are_read_in_both_of_their_forms(shape, as_bytes, random):
    size = int(np.prod(shape))
    array = np.array([random.uniform(-9, 9) for _ in range(size)], np.float32).reshape(shape)
    theirs = tf.make_tensor_proto(array)
    if not as_bytes:
        theirs = tensor_pb2.TensorProto(
            dtype=theirs.dtype, tensor_shape=theirs.tensor_shape, float_val=array.ravel()
        )
    ours = wire.TensorProto.FromString(theirs.SerializeToString())
    np.testing.assert_array_equal(float_array(ours), array)
