"""Names of the served model's signatures, of their inputs and outputs.

Signatures, alike but for how a user arrives:

- `SERVING_DEFAULT` takes `EXAMPLES`, string [batch]: serialised tf.Examples with the bytes-list
  feature `contract.features.BEHAVIORS` and, where they are known, the features of channels of
  events, a value for every text: `timestamps` and those that the model was trained with, by the
  names and types of `contract.event_channels`. Other features are ignored, so the labelled examples
  of the evaluation are served as they are.
- `ENCODE` takes `contract.features.BEHAVIORS`, string [batch, n]: raw texts, oldest first, padded
  with "".
- `ENCODE_WITH_TIMESTAMPS` takes `timestamps`, int64 [batch, n], as well: Unix seconds; 0 is an
  unknown moment, and padding.
- `ENCODE_WITH_CHANNELS`, only of models that were trained with more channels than that of time,
  takes `timestamps` and the others that the model has, [batch, n] each, padded with what says
  nothing: "" and NaN.
- `USER_VECTORS` takes what `SERVING_DEFAULT` takes, and computes no task. Models that were exported
  before it was there do not have it.

One without the channel of time ignores the moments. All return `USER_VECTOR`, float32 [batch, d],
and all but the last for every task, under its name, float32 [batch, classes]: the probabilities.
"""

SERVING_DEFAULT = "serving_default"
ENCODE = "encode"
ENCODE_WITH_TIMESTAMPS = "encode_with_timestamps"
ENCODE_WITH_CHANNELS = "encode_with_channels"
USER_VECTORS = "user_vectors"
EXAMPLES = "examples"
USER_VECTOR = "user_vector"

USER_VECTOR_FULL = "user_vector_full"
"""float32 [batch, k], all channels of a user side by side, of which `USER_VECTOR` holds what
matters most; an output only of models that were configured so (`encoder.full_vector`)."""

VECTORS = (USER_VECTOR, USER_VECTOR_FULL)
"""The outputs that are no task's."""
