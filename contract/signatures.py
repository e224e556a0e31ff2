"""Names of the served model's signatures, of their inputs and outputs.

Two signatures, alike but for how the texts arrive:

- `SERVING_DEFAULT` takes `EXAMPLES`, string [batch]: serialised tf.Examples with the bytes-list
  feature `contract.features.BEHAVIORS`. Other features are ignored, so the labelled examples of
  the evaluation are served as they are.
- `ENCODE` takes `contract.features.BEHAVIORS`, string [batch, n]: raw texts, oldest first, padded
  with "".

Both return `USER_VECTOR`, float32 [batch, d], and for every task, under its name, float32
[batch, classes]: the probabilities.
"""

SERVING_DEFAULT = "serving_default"
ENCODE = "encode"
EXAMPLES = "examples"
USER_VECTOR = "user_vector"
