"""The head of one task: user vector to class probabilities."""

from __future__ import annotations

import keras
import numpy as np

from trainer.heads.config import HeadsConfig


def build_head(task: str, classes: int, config: HeadsConfig, vectors: np.ndarray) -> keras.Model:
    """An MLP with one hidden layer, on whitened vectors.

    Args:
      task: name of the task; names the model.
      classes: number of classes, at least 2.
      config: width, dropout, shrinkage, seed.
      vectors: float32 [users, d]; training vectors that the whitening is fitted to.

    Returns:
      Model from float32 [batch, d] to float32 [batch, classes], each row a distribution.
    """
    keras.utils.set_random_seed(config.seed)
    dimension = vectors.shape[1]
    inputs = keras.Input([dimension])
    whiten = keras.layers.Dense(dimension, trainable=False, name="whiten")
    x = whiten(inputs)
    whiten.set_weights(whitening(vectors, config.shrinkage))
    x = keras.layers.Dense(config.hidden_units, activation="relu")(x)
    x = keras.layers.Dropout(config.dropout)(x)
    outputs = keras.layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=task)


def whitening(vectors: np.ndarray, shrinkage: float) -> tuple[np.ndarray, np.ndarray]:
    """The linear map after which the directions of `vectors` have like variances.

    A user vector is dominated by a few directions, such as the most common interests. What else
    it holds is there, but too faint for the few steps that a head on a few thousand users gets.

    Args:
      vectors: float [users, d].
      shrinkage: what is added to every eigenvalue of the covariance, as a multiple of their mean;
        keeps directions that are mere noise from being blown up.

    Returns:
      Kernel float32 [d, d] and bias float32 [d]: `vectors @ kernel + bias` has mean 0 and, where
      the shrinkage is small against the variance of a direction, variance 1.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    centered = vectors - mean
    eigenvalues, directions = np.linalg.eigh(centered.T @ centered / len(vectors))
    eigenvalues = np.maximum(eigenvalues, 0)
    floor = max(shrinkage * eigenvalues.mean(), np.finfo(np.float32).eps)
    kernel = directions / np.sqrt(eigenvalues + floor)
    return kernel.astype(np.float32), (-mean @ kernel).astype(np.float32)
