"""The heads as they are served: all tasks side by side in a few products."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from trainer.heads.model import HIDDEN, MEMBERS, MIXTURE, REGRESSION

_NO_CLASS = -1e9
"""Logit of a class that a task does not have: its probability is 0."""


class HeadsInference(tf.Module):
    """Fitted heads side by side, with the standardisation of the vectors in their weights.

    Args:
        heads: Task to its head, from `build_head`, all of one configuration.
    """

    def __init__(self, heads: dict[str, keras.Model]):
        super().__init__()
        members = [head.get_layer(MEMBERS).get_weights() for head in heads.values()]
        self._classes = {
            task: kernel.shape[-1] for task, (kernel, _) in zip(heads, members, strict=True)
        }
        self._most = max(self._classes.values())
        self._members = len(members[0][0])
        hidden = [_of_vectors(head, HIDDEN) for head in heads.values()]
        self._kernel = _variable([kernel for kernel, _ in hidden], 1, "hidden_kernel")
        self._bias = _variable([bias for _, bias in hidden], 0, "hidden_bias")
        self._member_kernel, self._member_bias = self._of_classes(members, 0, "member")
        self._shares = None
        if all(_has(head, REGRESSION) for head in heads.values()):
            lines = [_of_vectors(head, REGRESSION) for head in heads.values()]
            self._line_kernel, self._line_bias = self._of_classes(lines, 1, "regression")
            shares = [head.get_layer(MIXTURE).get_weights() for head in heads.values()]
            self._shares = _variable(shares, 0, "shares")

    def __call__(self, vectors: tf.Tensor) -> dict[str, tf.Tensor]:
        """User vectors, float32 [batch, d], to every task's probabilities [batch, classes]."""
        probabilities = self._of_members(vectors)
        if self._shares is not None:
            logits = tf.matmul(vectors, self._line_kernel) + self._line_bias
            lines = tf.nn.softmax(tf.reshape(logits, tf.shape(probabilities)))
            probabilities += self._shares[:, tf.newaxis] * (lines - probabilities)
        return {
            task: of_task if classes == self._most else of_task[:, :classes]
            for (task, classes), of_task in zip(
                self._classes.items(), tf.unstack(probabilities, axis=1), strict=True
            )
        }

    def _of_members(self, vectors):
        """The means of the members' probabilities, [batch, tasks, most classes]."""
        count, units, most = self._member_kernel.shape
        hidden = tf.nn.relu(tf.matmul(vectors, self._kernel) + self._bias)
        hidden = tf.reshape(hidden, [-1, count, units])
        logits = tf.einsum("bmh,mhc->bmc", hidden, self._member_kernel) + self._member_bias
        members = tf.reshape(tf.nn.softmax(logits), [-1, len(self._classes), self._members, most])
        return tf.reduce_mean(members, axis=2)

    def _of_classes(self, weights, axis, name):
        """Kernels, side by side along an axis, and biases; every task has the most classes."""
        kernels = [self._padded(kernel, 0) for kernel, _ in weights]
        biases = [self._padded(bias, _NO_CLASS) for _, bias in weights]
        return _variable(kernels, axis, f"{name}_kernel"), _variable(biases, 0, f"{name}_bias")

    def _padded(self, weights, value):
        """With as many classes as the task with the most has."""
        missing = self._most - weights.shape[-1]
        widths = [(0, 0)] * (weights.ndim - 1) + [(0, missing)]
        return np.pad(weights, widths, constant_values=value)


def _variable(parts, axis, name):
    values = np.concatenate(parts, axis=axis).astype("float32")
    return tf.Variable(values, trainable=False, name=name)


def _has(head: keras.Model, name: str) -> bool:
    return any(layer.name == name for layer in head.layers)


def _of_vectors(head: keras.Model, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Kernel [d, units] and bias of a layer of standardised vectors, on vectors as they are."""
    kernel, bias = (np.asarray(x, "float64") for x in head.get_layer(name).get_weights())
    for layer in head.layers:
        if isinstance(layer, keras.layers.Normalization):
            mean, variance = (np.asarray(x, "float64")[0] for x in (layer.mean, layer.variance))
            kernel = kernel / np.sqrt(variance)[:, None]
            bias = bias - mean @ kernel
    return kernel, bias
