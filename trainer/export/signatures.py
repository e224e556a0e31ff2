"""A model with the signatures of `contract.signatures`, and its export.

Any bytes are a valid text; a user without one known word gets the vector of an empty history.
"""

from __future__ import annotations

import abc
from typing import Any

import tensorflow as tf

from contract.features import BEHAVIORS, TIMESTAMPS
from contract.signatures import (
    ENCODE,
    ENCODE_WITH_TIMESTAMPS,
    EXAMPLES,
    SERVING_DEFAULT,
    USER_VECTORS,
    VECTORS,
)
from trainer.export.warmup import write_warmup_requests


class ServedModel(tf.Module, abc.ABC):
    """A model with the contract's signatures. What it needs at serving must be its attributes."""

    @abc.abstractmethod
    def outputs(self, behaviors: tf.Tensor, timestamps: tf.Tensor) -> dict[str, tf.Tensor]:
        """Users to the contract's outputs.

        Args:
            behaviors: Texts, string [batch, n], padded with "".
            timestamps: Their moments, int64 [batch, n], Unix seconds; 0 where there is no text or
                its moment is unknown.
        """

    def vectors(self, behaviors: tf.Tensor, timestamps: tf.Tensor) -> dict[str, tf.Tensor]:
        """Users to their vectors alone; arguments as of `outputs`."""
        outputs = self.outputs(behaviors, timestamps)
        return {name: outputs[name] for name in VECTORS if name in outputs}

    def parts(self) -> dict[str, Any]:
        """What else who loads the model in Python can reach by these names; no signature."""
        return {}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.string, name=BEHAVIORS),
            tf.TensorSpec([None, None], tf.int64, name=TIMESTAMPS),
        ]
    )
    def encode_with_timestamps(self, behaviors, timestamps):
        """The signature `contract.signatures.ENCODE_WITH_TIMESTAMPS`."""
        return self.outputs(behaviors, timestamps)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string, name=BEHAVIORS)])
    def encode(self, behaviors):
        """The signature `contract.signatures.ENCODE`."""
        return self.encode_with_timestamps(behaviors, tf.zeros_like(behaviors, tf.int64))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=EXAMPLES)])
    def encode_examples(self, examples):
        """The signature `contract.signatures.SERVING_DEFAULT`."""
        return self.encode_with_timestamps(*_parse(examples))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=EXAMPLES)])
    def encode_examples_to_vectors(self, examples):
        """The signature `contract.signatures.USER_VECTORS`."""
        return self.vectors(*_parse(examples))

    def export(self, path: str) -> None:
        """Writes a SavedModel that TF Serving loads and warms up, to the folder `path`.

        Only what the signatures use is written: their variables, tables and assets, no optimizer.

        TF Serving, like Beam's `RunInference`, runs a checkpoint's restore operation and then the
        graph. Keras 3 exports a `keras.Variable` as a copy of the variable that the graph reads
        (`keras.src.backend.tensorflow.core.Variable._export_to_saved_model_graph`), and only the
        copy is restored: "Could not find variable". Therefore the graph's own variables are
        written, as `keras.export.ExportArchive` does.
        """
        exported = tf.Module()
        exported.encode, exported.encode_with_timestamps = self.encode, self.encode_with_timestamps
        exported.encode_examples = self.encode_examples
        exported.encode_examples_to_vectors = self.encode_examples_to_vectors
        for name, part in self.parts().items():
            setattr(exported, name, part)
        signatures = {
            SERVING_DEFAULT: exported.encode_examples,
            ENCODE: exported.encode,
            ENCODE_WITH_TIMESTAMPS: exported.encode_with_timestamps,
            USER_VECTORS: exported.encode_examples_to_vectors,
        }
        variables = {
            id(variable): variable
            for function in signatures.values()
            for variable in function.get_concrete_function().variables
        }
        resource_types = (tf.saved_model.experimental.TrackableResource, tf.saved_model.Asset)
        exported.graph_variables = list(variables.values())
        exported.resources = [
            part
            for part in tf.train.TrackableView(self).descendants()
            if isinstance(part, resource_types)
        ]
        tf.saved_model.save(exported, path, signatures=signatures)
        write_warmup_requests(path)


def _parse(examples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Serialised tf.Examples, string [batch], to texts and moments, [batch, n] each."""
    spec = {
        BEHAVIORS: tf.io.RaggedFeature(tf.string),
        TIMESTAMPS: tf.io.RaggedFeature(tf.int64),
    }
    features = tf.io.parse_example(examples, spec)
    behaviors = features[BEHAVIORS].to_tensor("")
    return behaviors, features[TIMESTAMPS].to_tensor(0, shape=tf.shape(behaviors, tf.int64))
