"""Warm-up requests: what a model server runs once before it serves a version.

TensorFlow optimises a graph and fills its caches during the first runs. TF Serving therefore
replays the requests in `assets.extra/tf_serving_warmup_requests` before a version counts as
available (https://www.tensorflow.org/tfx/serving/saved_model_warmup).
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from contract.event_channels import TIME, EventChannel
from contract.features import BEHAVIORS
from contract.signatures import (
    ENCODE,
    ENCODE_WITH_CHANNELS,
    ENCODE_WITH_TIMESTAMPS,
    EXAMPLES,
    SERVING_DEFAULT,
    USER_VECTORS,
)

ALLOWED_BATCH_SIZES = (1, 4, 16, 64, 256)
"""Batch sizes that TF Serving runs (`serving/config/batching_parameters.txt`): it pads a batch to
the next one, so that only these are ever seen by the graph."""

WARMUP_FILE = os.path.join("assets.extra", "tf_serving_warmup_requests")
"""Where TF Serving looks for warm-up requests, relative to the version's folder."""

_TEXTS = [b"waterproof hiking boots size 9", b"how to bake sour dough bread", b"running shoes"]
_EVENTS = {
    "int64": [1_700_000_000, 1_700_003_600, 1_700_090_000],
    "string": [b"view", b"cart", b"buy"],
    "float32": [9.5, 0.0, 120.0],
}
"""Of a channel, by its type."""


def write_warmup_requests(path: str, further_channels: Sequence[EventChannel] = ()) -> None:
    """Writes warm-up requests into an exported model: all signatures and allowed batch sizes.

    The texts are made up, since a model travels further than its users' texts may.

    Args:
        path: Folder of the SavedModel.
        further_channels: Those of events that the model takes besides that of time.
    """
    file = os.path.join(path, WARMUP_FILE)
    tf.io.gfile.makedirs(os.path.dirname(file))
    example = tf.train.Example()
    example.features.feature[BEHAVIORS].bytes_list.value.extend(_TEXTS)
    channels = (TIME, *further_channels)
    for channel in channels:
        feature = example.features.feature[channel.feature]
        list_of = {
            "int64": feature.int64_list,
            "string": feature.bytes_list,
            "float32": feature.float_list,
        }
        list_of[channel.dtype].value.extend(_EVENTS[channel.dtype])
    with tf.io.TFRecordWriter(file) as writer:
        for size in ALLOWED_BATCH_SIZES:
            behaviors = tf.make_tensor_proto([_TEXTS] * size, tf.string)
            events = {
                channel.feature: tf.make_tensor_proto(
                    [_EVENTS[channel.dtype]] * size, tf.as_dtype(channel.dtype)
                )
                for channel in channels
            }
            examples = tf.make_tensor_proto([example.SerializeToString()] * size, tf.string)
            requests = {
                SERVING_DEFAULT: {EXAMPLES: examples},
                USER_VECTORS: {EXAMPLES: examples},
                ENCODE: {BEHAVIORS: behaviors},
                ENCODE_WITH_TIMESTAMPS: {
                    BEHAVIORS: behaviors,
                    TIME.feature: events[TIME.feature],
                },
            }
            if further_channels:
                requests[ENCODE_WITH_CHANNELS] = {BEHAVIORS: behaviors, **events}
            for signature, inputs in requests.items():
                request = predict_pb2.PredictRequest()
                request.model_spec.signature_name = signature
                for name, tensor in inputs.items():
                    request.inputs[name].CopyFrom(tensor)
                log = prediction_log_pb2.PredictLog(request=request)
                writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())
