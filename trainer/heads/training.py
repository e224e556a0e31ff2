"""The training of the heads: users to frozen vectors, and a fit per task."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from contract.features import weight_name
from contract.signatures import USER_VECTOR
from trainer.evenly import evenly
from trainer.heads.config import HeadsConfig
from trainer.heads.mixture import SHARES, choose_shares, losses_of_shares
from trainer.heads.model import MEAN, MEMBERS, MIXTURE, REGRESSION, build_head
from trainer.heads.regression import choose_penalty, fit_regression

_log = logging.getLogger("progress")

# For a regression: some hundred for each of 256 weights; copies of all in float64 might not fit.
_USERS = 100_000

Labels = dict[str, tuple[np.ndarray, np.ndarray]]
"""Task to (class index int64 [users], weight float32 [users]); weight 0 marks a missing label."""


def encode_users(
    encoder, file_patterns: Sequence[str], tasks: dict[str, int], batch_size: int = 256
) -> tuple[np.ndarray, Labels]:
    """Runs the frozen encoder once over labelled examples.

    Args:
        encoder: Loaded SavedModel of a `ServedModel`.
        file_patterns: Gzipped TFRecord files of tf.Examples with `behaviors`, with the channel of
            time `timestamps`, and, per task, `<task>` and `<task>_weight`.
        tasks: The number of classes of each task.
        batch_size: Users encoded at a time.

    Returns:
        Vectors, float32 [users, d], and the labels of every task.
    """
    label_spec = {}
    for task in tasks:
        label_spec[task] = tf.io.FixedLenFeature([], tf.int64)
        label_spec[weight_name(task)] = tf.io.FixedLenFeature([], tf.float32)
    vectors = []
    rows: dict[str, list[np.ndarray]] = {name: [] for name in label_spec}
    for serialized in batches_of(file_patterns, batch_size):
        vectors.append(encoder.encode_examples(serialized)[USER_VECTOR].numpy())
        features = tf.io.parse_example(serialized, label_spec)
        for name, values in rows.items():
            values.append(features[name].numpy())
        _log.info("%d users encoded", batch_size * (len(vectors) - 1) + len(vectors[-1]))
    labels = {name: np.concatenate(values) for name, values in rows.items()}
    return np.concatenate(vectors), {
        task: (labels[task], labels[weight_name(task)]) for task in tasks
    }


def batches_of(file_patterns: Sequence[str], batch_size: int = 256) -> tf.data.Dataset:
    """Serialised examples, string [batch] each, always in the same order.

    Args:
        file_patterns: Gzipped TFRecord files.
        batch_size: Examples at a time.
    """
    files = sorted(tf.io.gfile.glob(list(file_patterns)))
    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(batch_size)
    return dataset.prefetch(tf.data.AUTOTUNE)


def fit_heads(
    config: HeadsConfig,
    tasks: dict[str, int],
    train: tuple[np.ndarray, Labels],
    validation: tuple[np.ndarray, Labels],
    log_dir: str,
) -> dict[str, keras.Model]:
    """Builds and fits the head of every task.

    Args:
        config: The heads' configuration.
        tasks: The number of classes of each task.
        train: Vectors and labels, as `encode_users` returns them.
        validation: The same of other users.
        log_dir: Folder for TensorBoard, one below it for each task.

    Returns:
        Task to its fitted head.
    """
    heads: dict[str, keras.Model] = {}
    losses, users = [], []
    for number, (task, classes) in enumerate(tasks.items(), start=1):
        head = build_head(task, classes, config, train[0])
        of_train, of_validation = _labelled(train, task), _labelled(validation, task)
        losses.append(fit_head(head, of_train, of_validation, config, f"{log_dir}/{task}"))
        users.append(len(of_validation[1]))
        _log.info("head %d/%d: %s", number, len(tasks), task)
        heads[task] = head
    if config.regression:
        shares = dict(zip(heads, choose_shares(np.stack(losses), np.array(users)), strict=True))
        for task, share in shares.items():
            heads[task].get_layer(MIXTURE).share.assign(share)
        _log.info(
            "share of the regression: %s",
            ", ".join(f"{task} {share:.0%}" for task, share in shares.items()),
        )
    return heads


def _labelled(users: tuple[np.ndarray, Labels], task: str) -> tuple[np.ndarray, np.ndarray]:
    vectors, labels = users
    classes, weights = labels[task]
    return vectors[weights > 0], classes[weights > 0]


def fit_head(
    head: keras.Model,
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    config: HeadsConfig,
    log_dir: str,
) -> np.ndarray:
    """Fits one head, for as many epochs as serve users it has not seen.

    A first fit, on the users of `train`, counts the epochs until the validation loss converges.
    With `refit` a second starts anew and fits the users of both for that many; without it the head
    of the best epoch stays. The members learn independently: the loss is the mean of theirs, not
    that of their mean. With `regression` a logistic regression is fitted beside them.

    Args:
        head: Model from `build_head`.
        train: Vectors float32 [users, d], class indices int64 [users].
        validation: The same of other users.
        config: Batch size, learning rate, decay, epochs, patience.
        log_dir: Folder for TensorBoard.

    Returns:
        Float64 [len(SHARES)], the mean loss of the validation users after the first fit by the
        share of the regression, in nats; without regression zeros.
    """
    members = keras.Model(head.input, head.get_layer(MEMBERS).output)
    start = members.get_weights()
    history = _fit(
        members,
        _for_each_member(train, config.members),
        config,
        config.max_epochs,
        validation_data=_for_each_member(validation, config.members),
        callbacks=[
            keras.callbacks.EarlyStopping(patience=config.patience, restore_best_weights=True),
            keras.callbacks.TensorBoard(log_dir, write_graph=False),
        ],
    )
    losses = np.zeros(len(SHARES))
    if config.regression:
        losses = _fit_regression(head, train, validation, config.refit)
    if config.refit:
        members.set_weights(start)
        epochs = 1 + int(np.argmin(history["val_loss"]))
        both = _together(train, validation)
        _fit(members, _for_each_member(both, config.members), config, epochs)
    return losses


def _fit_regression(head: keras.Model, train, validation, refit: bool) -> np.ndarray:
    """Fits the regression; returns the losses that `fit_head` does, of what was fitted before."""
    line = head.get_layer(REGRESSION)
    scaled = keras.Model(head.input, line.input)
    some, others = (
        (scaled.predict(evenly(vectors, _USERS), verbose=0), evenly(classes, _USERS))
        for vectors, classes in (train, validation)
    )
    penalty, weights = choose_penalty(some, others, line.units)
    line.set_weights(weights)
    sides = keras.Model(head.input, [head.get_layer(MEAN).output, line.output])
    of_members, of_line = sides.predict(validation[0], verbose=0)
    losses = losses_of_shares(of_members, of_line, validation[1])
    if refit:
        line.set_weights(fit_regression(_together(some, others), line.units, penalty))
    return losses


def _together(users, others) -> tuple[np.ndarray, np.ndarray]:
    vectors, classes = (np.concatenate(parts) for parts in zip(users, others, strict=True))
    return vectors, classes


def _fit(members: keras.Model, users, config: HeadsConfig, epochs: int, **options) -> dict:
    """Fits the members, with an optimiser that knows nothing yet; returns Keras's history."""
    members.compile(
        optimizer=keras.optimizers.AdamW(config.learning_rate, weight_decay=config.weight_decay),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    fitted = members.fit(*users, batch_size=config.batch_size, epochs=epochs, verbose=0, **options)
    return fitted.history


def _for_each_member(users, members: int) -> tuple[np.ndarray, np.ndarray]:
    vectors, classes = users
    return vectors, np.repeat(classes[:, np.newaxis], members, axis=1)
