"""The heads as they are served: all members of all tasks in one product."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from trainer.heads.model import MEMBERS

_NO_CLASS = -1e9
"""Logit of a class that a task does not have: its probability is 0."""


class HeadsInference(tf.Module):
    """Fitted heads side by side, with the standardisation of the vectors in their weights.

    Args:
        heads: Task to its head, from `build_head`, all of one configuration.
    """

    def __init__(self, heads: dict[str, keras.Model]):
        super().__init__()
        layers = [head.get_layer(MEMBERS) for head in heads.values()]
        self._classes = {
            task: layer.kernel.shape[-1] for task, layer in zip(heads, layers, strict=True)
        }
        self._members = layers[0].kernel.shape[0]
        hidden = [_hidden(head) for head in heads.values()]
        most = max(self._classes.values())

        def padded(weights, value):
            return np.pad(
                weights,
                [(0, 0)] * (weights.ndim - 1) + [(0, most - weights.shape[-1])],
                constant_values=value,
            )

        def variable(parts, axis, name):
            values = np.concatenate(parts, axis=axis).astype("float32")
            return tf.Variable(values, trainable=False, name=name)

        self._kernel = variable([kernel for kernel, _ in hidden], 1, "hidden_kernel")
        self._bias = variable([bias for _, bias in hidden], 0, "hidden_bias")
        self._member_kernel = variable(
            [padded(layer.kernel.numpy(), 0) for layer in layers], 0, "member_kernel"
        )
        self._member_bias = variable(
            [padded(layer.bias.numpy(), _NO_CLASS) for layer in layers], 0, "member_bias"
        )

    def __call__(self, vectors: tf.Tensor) -> dict[str, tf.Tensor]:
        """User vectors, float32 [batch, d], to every task's probabilities [batch, classes]."""
        count, units, most = self._member_kernel.shape
        hidden = tf.nn.relu(tf.matmul(vectors, self._kernel) + self._bias)
        hidden = tf.reshape(hidden, [-1, count, units])
        logits = tf.einsum("bmh,mhc->bmc", hidden, self._member_kernel) + self._member_bias
        members = tf.reshape(tf.nn.softmax(logits), [-1, len(self._classes), self._members, most])
        means = tf.unstack(tf.reduce_mean(members, axis=2), axis=1)
        return {
            task: mean if classes == most else mean[:, :classes]
            for (task, classes), mean in zip(self._classes.items(), means, strict=True)
        }


def _hidden(head: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    """Kernel [d, members * units] and bias of the hidden layer, on vectors as they are."""
    (dense,) = (layer for layer in head.layers if isinstance(layer, keras.layers.Dense))
    kernel, bias = (np.asarray(weights, "float64") for weights in dense.get_weights())
    for layer in head.layers:
        if isinstance(layer, keras.layers.Normalization):
            mean, variance = (np.asarray(x, "float64")[0] for x in (layer.mean, layer.variance))
            kernel = kernel / np.sqrt(variance)[:, None]
            bias = bias - mean @ kernel
    return kernel, bias
