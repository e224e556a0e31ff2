"""A model with the signatures of `contract.signatures`, and its export.

Any bytes are a valid text; a user without one known word gets the vector of an empty history.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

from contract.event_channels import TIME, EventChannel, further_channels_of
from contract.features import BEHAVIORS
from contract.signatures import (
    ENCODE,
    ENCODE_WITH_CHANNELS,
    ENCODE_WITH_TIMESTAMPS,
    EXAMPLES,
    SERVING_DEFAULT,
    USER_VECTORS,
    VECTORS,
)
from trainer.export.warmup import write_warmup_requests


class ServedModel(tf.Module, abc.ABC):
    """A model with the contract's signatures. What it needs at serving must be its attributes.

    Args:
        channels: Names of the channels of events that the model was trained with.
    """

    def __init__(self, channels: Iterable[str] = ()):
        super().__init__()
        self._further = [channel.name for channel in further_channels_of(channels)]

    @property
    def further_channels(self) -> tuple[EventChannel, ...]:
        """The channels of events that its signatures take besides that of time."""
        return further_channels_of(self._further)

    @abc.abstractmethod
    def outputs(
        self, behaviors: tf.Tensor, events: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Users to the contract's outputs.

        Args:
            behaviors: Texts, string [batch, n], padded with "".
            events: What the events say besides, [batch, n] each, by feature: `timestamps` and those
                of `further_channels`; neutral where there is no text or nothing is known.
        """

    def vectors(
        self, behaviors: tf.Tensor, events: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Users to their vectors alone; arguments as of `outputs`."""
        outputs = self.outputs(behaviors, events)
        return {name: outputs[name] for name in VECTORS if name in outputs}

    def parts(self) -> dict[str, Any]:
        """What else who loads the model in Python can reach by these names; no signature."""
        return {}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.string, name=BEHAVIORS),
            tf.TensorSpec([None, None], tf.int64, name=TIME.feature),
        ]
    )
    def encode_with_timestamps(self, behaviors, timestamps):
        """The signature `contract.signatures.ENCODE_WITH_TIMESTAMPS`."""
        neutral = {
            channel.feature: tf.fill(
                tf.shape(behaviors), tf.constant(channel.neutral, channel.dtype)
            )
            for channel in self.further_channels
        }
        return self.outputs(behaviors, {TIME.feature: timestamps, **neutral})

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string, name=BEHAVIORS)])
    def encode(self, behaviors):
        """The signature `contract.signatures.ENCODE`."""
        return self.encode_with_timestamps(behaviors, tf.zeros_like(behaviors, tf.int64))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=EXAMPLES)])
    def encode_examples(self, examples):
        """The signature `contract.signatures.SERVING_DEFAULT`."""
        behaviors, events = self._parse(examples)
        if not self._further:
            return self.encode_with_timestamps(behaviors, events[TIME.feature])
        return self.outputs(behaviors, events)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=EXAMPLES)])
    def encode_examples_to_vectors(self, examples):
        """The signature `contract.signatures.USER_VECTORS`."""
        return self.vectors(*self._parse(examples))

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
        if self._further:
            exported.encode_with_channels = self._encode_with_channels()
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
        if self._further:
            signatures[ENCODE_WITH_CHANNELS] = exported.encode_with_channels
        variables = {
            id(variable): variable
            for function in signatures.values()
            for variable in _concrete(function).variables
        }
        resource_types = (tf.saved_model.experimental.TrackableResource, tf.saved_model.Asset)
        exported.graph_variables = list(variables.values())
        exported.resources = [
            part
            for part in tf.train.TrackableView(self).descendants()
            if isinstance(part, resource_types)
        ]
        tf.saved_model.save(exported, path, signatures=signatures)
        write_warmup_requests(path, self.further_channels)

    def _encode_with_channels(self):
        """The signature `contract.signatures.ENCODE_WITH_CHANNELS`, of these channels."""

        def encode_with_channels(behaviors, **events):
            return self.outputs(behaviors, events)

        specs = {
            channel.feature: tf.TensorSpec([None, None], channel.dtype, name=channel.feature)
            for channel in (TIME, *self.further_channels)
        }
        texts = tf.TensorSpec([None, None], tf.string, name=BEHAVIORS)
        return tf.function(encode_with_channels).get_concrete_function(texts, **specs)

    def _parse(self, examples: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Serialised tf.Examples, string [batch], to texts and events, [batch, n] each."""
        channels = (TIME, *self.further_channels)
        spec = {BEHAVIORS: tf.io.RaggedFeature(tf.string)}
        spec |= {each.feature: tf.io.RaggedFeature(tf.as_dtype(each.dtype)) for each in channels}
        features = tf.io.parse_example(examples, spec)
        behaviors = features[BEHAVIORS].to_tensor("")
        shape = tf.shape(behaviors, tf.int64)
        return behaviors, {
            each.feature: features[each.feature].to_tensor(each.neutral, shape=shape)
            for each in channels
        }


def _concrete(function):
    is_concrete = not hasattr(function, "get_concrete_function")
    return function if is_concrete else function.get_concrete_function()
