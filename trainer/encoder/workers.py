"""The training of one model by several workers, which `keras.Model.fit` cannot do.

Under `tf.distribute.MultiWorkerMirroredStrategy` Keras 3's `fit` fails before its first step, for
it reduces a batch that is a dictionary as if that were a tensor (keras-team/keras#20585). What
Keras does of it, layers, loss, optimizer and callbacks, is used here too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import keras
import tensorflow as tf

from contract.errors import UserError
from contract.features import HISTORY
from trainer.encoder.distribution import all_replicas_sum

_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


class WorkerLostError(UserError):
    """Another worker of the training ended, or cannot be reached."""


def fit_on_workers(
    model: keras.Model,
    train: tf.data.Dataset,
    validation: tf.data.Dataset,
    *,
    epochs: int,
    callbacks: Sequence[keras.callbacks.Callback],
    strategy: tf.distribute.MultiWorkerMirroredStrategy,
) -> None:
    """Trains a model as `fit` would with one worker; every worker calls it.

    Every worker makes all batches, which must be the same on all of them, and takes its share of
    each. The losses that callbacks get are those of all users of an epoch, the same on every
    worker, so that all of them stop after the same epoch.

    Args:
        model: A compiled `BehavioralConsistencyModel`, made in the scope of `strategy`.
        train: Batches as `training_batches(..., training=True)` makes them.
        validation: Batches as `training_batches(..., training=False)` makes them.
        epochs: The number of epochs at most.
        callbacks: As `fit` takes them. Those that write belong to the chief alone.
        strategy: What the workers are joined by.

    Raises:
        WorkerLostError: Another worker ended. All have to be started again.
    """
    with strategy.scope():
        model.optimizer.build(model.trainable_variables)
    train_shares, validation_shares = _shares(train, strategy), _shares(validation, strategy)

    def train_step(users):
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x=users, y_pred=model(users, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    def validation_step(users):
        return model.compute_loss(x=users, y_pred=model(users, training=False), training=False)

    on_train, on_validation = _on_all(train_step, strategy), _on_all(validation_step, strategy)
    listeners = keras.callbacks.CallbackList(list(callbacks), model=model, epochs=epochs, verbose=0)
    model.stop_training = False
    listeners.on_train_begin()
    with _explained():
        # What a backup left of an earlier attempt.
        for epoch in range(model._initial_epoch or 0, epochs):
            listeners.on_epoch_begin(epoch)
            mean = _Mean()
            for batch, users in enumerate(train_shares):
                listeners.on_train_batch_begin(batch)
                mean.add(*on_train(users))
                listeners.on_train_batch_end(batch, {"loss": mean.value})
            logs = {"loss": mean.value}
            mean = _Mean()
            for users in validation_shares:
                mean.add(*on_validation(users))
            listeners.on_epoch_end(epoch, {**logs, "val_loss": mean.value})
            if model.stop_training:
                break
    listeners.on_train_end()


class _Mean:
    """The mean of the batches' losses, weighted by their users, as `fit` computes it."""

    def __init__(self):
        self._sum, self._users = 0.0, 0.0

    def add(self, loss: tf.Tensor, users: tf.Tensor) -> None:
        self._sum += float(loss) * float(users)
        self._users += float(users)

    @property
    def value(self) -> float:
        return self._sum / self._users if self._users else float("nan")


def _shares(batches: tf.data.Dataset, strategy) -> tf.distribute.DistributedDataset:
    """Of every batch the users that this worker's devices take, one element a device."""
    replicas = strategy.num_replicas_in_sync

    def of_worker(context):
        devices = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * devices

        def of_devices(batch):
            numbers = tf.data.Dataset.range(first, first + devices)
            return numbers.map(lambda n: {name: x[n::replicas] for name, x in batch.items()})

        return batches.flat_map(of_devices)

    return strategy.distribute_datasets_from_function(of_worker)


def _on_all(step, strategy):
    """A function of a share that takes a step and returns all replicas' loss and users."""

    def on_one(users):
        loss, count = step(users), tf.shape(users[HISTORY])[0]
        return all_replicas_sum(loss), all_replicas_sum(tf.cast(count, tf.float32))

    @tf.function(reduce_retracing=True)
    def on_all(users):
        results = strategy.run(on_one, args=(users,))
        return tuple(strategy.experimental_local_results(result)[0] for result in results)

    return on_all


@contextlib.contextmanager
def _explained():
    try:
        yield
    except _LOST as error:
        raise WorkerLostError(
            "Another worker of this training ended, or cannot be reached. Start all workers again: "
            "training goes on after the last epoch that ended. TensorFlow says: "
            f"{error.message.splitlines()[0]}"
        ) from error
