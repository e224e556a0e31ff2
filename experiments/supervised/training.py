"""The training of a supervised model on the labelled users, one model a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from experiments.supervised.batches import Inputs, batches_by_length, order_by_length
from trainer.heads.config import HeadsConfig


def fit_and_predict(
    build: Callable[[int], keras.Model],
    classes: int,
    train: tuple[Inputs, np.ndarray],
    validation: tuple[Inputs, np.ndarray],
    evaluation: Inputs,
    config: HeadsConfig,
    learning_rates: Sequence[float],
) -> np.ndarray:
    """Fits a model with every learning rate, and predicts with the one of the least loss.

    Args:
        build: Makes a model of so many classes, float32 [batch, classes].
        classes: Number of classes of the task.
        train: Inputs and classes, int [users], of users whose label is known.
        validation: The same of other users, who stop the training.
        evaluation: Inputs of the users to predict of.
        config: Most epochs, patience and seed, the same as those of the heads.
        learning_rates: Those that are tried.

    Returns:
        Float32 [users, classes], the probabilities.
    """
    found: list[tuple[float, np.ndarray]] = []
    for learning_rate in learning_rates:
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
    return min(found, key=lambda each: each[0])[1][np.argsort(order_by_length(evaluation))]


def _batches(inputs: Inputs, classes: np.ndarray | None, seed: int | None = None):
    """Batches of what the model reads, and of the classes if they are known."""
    if classes is None:
        return batches_by_length(inputs).map(lambda *read: (_as_one(read),))
    known = [*inputs, tf.constant(classes)]
    return batches_by_length(known, seed).map(lambda *batch: (_as_one(batch[:-1]), batch[-1]))


def _as_one(read):
    return read if len(read) > 1 else read[0]
