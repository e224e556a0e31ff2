"""Callbacks of the encoder's training."""

import json
import logging
import os
import time

import keras
import numpy as np

_SECONDS_BETWEEN_LINES = 2.0


class ResumableEarlyStopping(keras.callbacks.EarlyStopping):
    """Stops when a metric no longer improves, and remembers its best across a restart.

    `keras.callbacks.BackupAndRestore` brings back the model and the epoch of a killed training,
    but not what `EarlyStopping` knows; a training so resumed would lose its best weights. Stand
    this callback before `WholeBackup` in the list: it then never knows less than the backup, and is
    deleted along with it when training ends.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile('adam', 'mse')
        >>> x = y = np.ones((8, 1))
        >>> losses = model.fit(x, y, validation_split=0.5, verbose=0, callbacks=[
        ...     ResumableEarlyStopping('backup', monitor='val_loss', patience=3),
        ...     WholeBackup('backup'),
        ... ])

    Args:
        backup_dir: String, the directory that `WholeBackup` is given.
        writes: Boolean; `False` for a worker beside the chief, which reads what the chief wrote.
        **kwargs: Arguments of `keras.callbacks.EarlyStopping`. The best weights are restored.
    """

    def __init__(self, backup_dir: str, writes: bool = True, **kwargs):
        super().__init__(restore_best_weights=True, **kwargs)
        self._backup_dir = backup_dir
        self._writes = writes
        self._path = os.path.join(backup_dir, "early_stopping.npz")

    def on_train_begin(self, logs=None):
        """See base class."""
        super().on_train_begin(logs)
        if not os.path.exists(self._path):
            return
        with np.load(self._path) as state:
            numbers = json.loads(str(state["numbers"]))
            self.best_weights = [state[f"weight_{i}"] for i in range(numbers["weights"])]
        self.best, self.best_epoch, self.wait = (
            numbers[name] for name in ("best", "best_epoch", "wait")
        )

    def on_epoch_end(self, epoch, logs=None):
        """See base class."""
        super().on_epoch_end(epoch, logs)
        if not self._writes:
            return
        numbers = {
            "best": float(self.best),
            "best_epoch": self.best_epoch,
            "wait": self.wait,
            "weights": len(self.best_weights),
        }
        weights = {f"weight_{i}": weight for i, weight in enumerate(self.best_weights)}
        os.makedirs(self._backup_dir, exist_ok=True)
        # Written beside and renamed, so that a kill while writing leaves the last state whole.
        partial = os.path.join(self._backup_dir, "partial.npz")
        np.savez(partial, numbers=json.dumps(numbers), **weights)
        os.replace(partial, self._path)


class WholeBackup(keras.callbacks.BackupAndRestore):
    """Keeps the state after every epoch, of which a kill while it is written leaves the last whole.

    `keras.callbacks.BackupAndRestore` writes into the very file that it reads at the next start: a
    training killed in that moment can never be resumed, whatever it is given.

    Example:
        >>> model.fit(batches, epochs=15, callbacks=[WholeBackup('backup')])  # doctest: +SKIP

    Args:
        backup_dir: String, the directory that the state is read from.
        writes: Boolean; `False` for a worker beside the chief, which reads what the chief wrote.
    """

    def __init__(self, backup_dir: str, writes: bool = True):
        # Whoever writes it deletes it.
        super().__init__(backup_dir, delete_checkpoint=writes)
        self._writes = writes
        self._partial = os.path.join(backup_dir, "partial")
        self._writer = keras.callbacks.BackupAndRestore(self._partial)

    def set_model(self, model):
        """See base class."""
        super().set_model(model)
        self._writer.set_model(model)

    def on_epoch_end(self, epoch, logs=None):
        """See base class."""
        if not self._writes:
            return
        self._writer.on_epoch_end(epoch, logs)
        # The weights before the number of the epoch: what stands between is an epoch done twice.
        for name in sorted(os.listdir(self._partial)):
            os.replace(os.path.join(self._partial, name), os.path.join(self.backup_dir, name))


class ProgressLog(keras.callbacks.Callback):
    """Logs a line per epoch to the logger `progress`, and now and then one within an epoch.

    Example:
        >>> model.fit(batches, epochs=15, callbacks=[ProgressLog()])  # doctest: +SKIP
        progress: epoch 1/15 batch 410 loss 4.5127
        progress: epoch 1/15 loss 4.3861 val_loss 4.2170
    """

    def on_epoch_begin(self, epoch, logs=None):
        """See base class."""
        self._epoch = f"epoch {epoch + 1}/{self.params['epochs']}"
        self._logged = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        """See base class."""
        if time.monotonic() - self._logged > _SECONDS_BETWEEN_LINES:
            self._logged = time.monotonic()
            self._log(f"{self._epoch} batch {batch + 1}", logs)

    def on_epoch_end(self, epoch, logs=None):
        """See base class."""
        self._log(self._epoch, logs)

    @staticmethod
    def _log(position, logs):
        figures = " ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        logging.getLogger("progress").info("%s %s", position, figures)
