"""The training of a supervised model on the labelled users, one model a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from trainer.heads.config import HeadsConfig

LEARNING_RATES = (0.001, 0.0003)
"""Those that are tried; the validation users choose. Ours has one try: a rival is not held back."""

_BATCH = 64
_BATCHES_OF_A_WINDOW = 16
_SHUFFLED = 10_000

Inputs = Sequence[tf.Tensor | tf.RaggedTensor]
"""What a model reads of users: tensors whose first dimension is the users."""


def fit_and_predict(
    build: Callable[[int], keras.Model],
    classes: int,
    train: tuple[Inputs, np.ndarray],
    validation: tuple[Inputs, np.ndarray],
    evaluation: Inputs,
    config: HeadsConfig,
) -> np.ndarray:
    """Fits a model with every learning rate, and predicts with the one of the least loss.

    Args:
        build: Makes a model of so many classes, float32 [batch, classes].
        classes: Number of classes of the task.
        train: Inputs and classes, int [users], of users whose label is known.
        validation: The same of other users, who stop the training.
        evaluation: Inputs of the users to predict of.
        config: Most epochs, patience and seed, the same as those of the heads.

    Returns:
        Float32 [users, classes], the probabilities.
    """
    found: list[tuple[float, np.ndarray]] = []
    for learning_rate in LEARNING_RATES:
        keras.utils.set_random_seed(config.seed)
        model = build(classes)
        model.compile(
            keras.optimizers.Adam(learning_rate),
            loss="sparse_categorical_crossentropy",
            jit_compile=False,
        )
        history = model.fit(
            _batches(*train, seed=config.seed),
            validation_data=_batches(*validation),
            epochs=config.max_epochs,
            verbose=0,
            callbacks=[
                keras.callbacks.EarlyStopping(patience=config.patience, restore_best_weights=True)
            ],
        ).history
        predicted = model.predict(_batches(evaluation, None), verbose=0)
        found.append((min(history["val_loss"]), predicted))
    # Batches are of users of like length; each goes back to its place.
    return min(found, key=lambda each: each[0])[1][np.argsort(_by_length(evaluation))]


def _batches(inputs: Inputs, classes: np.ndarray | None, seed: int | None = None):
    """Padded batches of users of like length; shuffled anew in every epoch if there is a seed."""
    parts = tuple(inputs if classes is None else (*inputs, classes))
    if seed is None:
        order = _by_length(inputs)
        users = tf.data.Dataset.from_tensor_slices(tuple(tf.gather(part, order) for part in parts))
        batches = users.ragged_batch(_BATCH)
    else:
        users = tf.data.Dataset.from_tensor_slices(parts).shuffle(_SHUFFLED, seed=seed)
        batches = users.ragged_batch(_BATCH * _BATCHES_OF_A_WINDOW).flat_map(_of_a_window)
        batches = batches.shuffle(_BATCHES_OF_A_WINDOW, seed=seed)
        count = -(-len(parts[-1]) // _BATCH)
        batches = batches.apply(tf.data.experimental.assert_cardinality(count))

    def padded(*batch):
        # At least one word: a convolution over none has no size.
        dense = [part.to_tensor() if isinstance(part, tf.RaggedTensor) else part for part in batch]
        if classes is None:
            return (tuple(dense) if len(dense) > 1 else dense[0],)
        *features, labels = dense
        return (tuple(features) if len(features) > 1 else features[0]), labels

    return batches.map(padded).prefetch(tf.data.AUTOTUNE)


def _of_a_window(*users):
    order = tf.argsort(_lengths(users[0]), stable=True)
    sorted_users = tuple(tf.gather(part, order) for part in users)
    return tf.data.Dataset.from_tensor_slices(sorted_users).ragged_batch(_BATCH)


def _by_length(inputs: Inputs) -> np.ndarray:
    return np.argsort(np.asarray(_lengths(inputs[0])), kind="stable")


def _lengths(part):
    """The length of each row; a dense tensor's are all the same."""
    if isinstance(part, tf.RaggedTensor):
        return part.row_lengths()
    return tf.ones(tf.shape(part)[0], tf.int64)
