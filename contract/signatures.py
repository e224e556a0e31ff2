"""Names of the served model's signatures, of their inputs and outputs.

Four signatures, the first three alike but for how a user arrives:

- `SERVING_DEFAULT` takes `EXAMPLES`, string [batch]: serialised tf.Examples with the bytes-list
  feature `contract.features.BEHAVIORS` and, if the moments are known, the int64-list feature
  `contract.features.TIMESTAMPS`, a number for every text. Other features are ignored, so the
  labelled examples of the evaluation are served as they are.
- `ENCODE` takes `contract.features.BEHAVIORS`, string [batch, n]: raw texts, oldest first, padded
  with "".
- `ENCODE_WITH_TIMESTAMPS` takes `contract.features.TIMESTAMPS`, int64 [batch, n], as well: Unix
  seconds; 0 is an unknown moment, and padding.
- `USER_VECTORS` takes what `SERVING_DEFAULT` takes, and computes no task. Models that were exported
  before it was there do not have it.

One without the channel of time ignores the moments. All return `USER_VECTOR`, float32 [batch, d],
and the first three for every task, under its name, float32 [batch, classes]: the probabilities.
"""

SERVING_DEFAULT = "serving_default"
ENCODE = "encode"
ENCODE_WITH_TIMESTAMPS = "encode_with_timestamps"
USER_VECTORS = "user_vectors"
EXAMPLES = "examples"
USER_VECTOR = "user_vector"

USER_VECTOR_FULL = "user_vector_full"
"""float32 [batch, k], all channels of a user side by side, of which `USER_VECTOR` holds what
matters most; an output only of models that were configured so (`encoder.full_vector`)."""

VECTORS = (USER_VECTOR, USER_VECTOR_FULL)
"""The outputs that are no task's."""
