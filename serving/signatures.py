"""The served model's contract: what goes into an exported model and what comes out.

Two signatures, alike but for how the texts arrive:

- `serving_default`: `examples`, string [batch]: serialised tf.Examples with the bytes-list
  feature `behaviors` (raw texts, oldest first). Other features are ignored, so the labelled
  examples of the evaluation are served as they are.
- `encode`: `behaviors`, string [batch, n]: raw texts, oldest first, padded with "".

Both return `user_vector`, float32 [batch, d], and for every task `<task>`, float32
[batch, classes]: the probabilities. Any bytes are a valid text; a user without one known word
gets the vector of an empty history.
"""

from __future__ import annotations

import abc

import tensorflow as tf

from serving.warmup import write_warmup_requests

BEHAVIORS = "behaviors"
USER_VECTOR = "user_vector"


class ServedModel(tf.Module, abc.ABC):
    """A model with the contract's signatures. What it needs at serving must be its attributes."""

    @abc.abstractmethod
    def outputs(self, behaviors: tf.Tensor) -> dict[str, tf.Tensor]:
        """Texts (string [batch, n], padded with "") to the contract's outputs."""

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string, name=BEHAVIORS)])
    def encode(self, behaviors):
        return self.outputs(behaviors)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def encode_examples(self, examples):
        features = tf.io.parse_example(examples, {BEHAVIORS: tf.io.VarLenFeature(tf.string)})
        return self.outputs(tf.sparse.to_dense(features[BEHAVIORS], default_value=""))

    def export(self, path: str) -> None:
        """Writes a SavedModel that TF Serving loads and warms up, to the folder `path`.

        Only what the signatures use is written: their variables, tables and assets, no optimizer.

        TF Serving, like Beam's `RunInference`, runs a checkpoint's restore operation and then the
        graph. Keras 3 exports a `keras.Variable` as a copy of the variable that the graph reads
        (`keras.src.backend.tensorflow.core.Variable._export_to_saved_model_graph`), and only the
        copy is restored: "Could not find variable". Therefore the graph's own variables are
        written, as `keras.export.ExportArchive` does.
        """
        functions = (self.encode, self.encode_examples)
        variables = {
            id(variable): variable
            for function in functions
            for variable in function.get_concrete_function().variables
        }
        resource_types = (tf.saved_model.experimental.TrackableResource, tf.saved_model.Asset)
        exported = tf.Module()
        exported.encode, exported.encode_examples = functions
        exported.graph_variables = list(variables.values())
        exported.resources = [
            part
            for part in tf.train.TrackableView(self).descendants()
            if isinstance(part, resource_types)
        ]
        tf.saved_model.save(
            exported,
            path,
            signatures={
                "serving_default": exported.encode_examples,
                "encode": exported.encode,
            },
        )
        write_warmup_requests(path, BEHAVIORS)
