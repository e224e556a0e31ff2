"""The part of the record that says how training went: the losses of every epoch."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf
from tensorflow.core.util import event_pb2
from tfx.dsl.io import fileio

_LOSS = "epoch_loss"
_TRAINING, _VALIDATION = "train", "validation"  # Keras' names for its folders of logs.


def training_section(runs: Mapping[str, str]) -> dict[str, Any]:
    """The curves of everything that was trained, from TensorBoard's logs.

    Args:
        runs: What was trained -> folder of its logs; a folder with others in it is as many curves.

    Returns:
        Name -> `epochs` (from 1), `loss` and `validation_loss` of each (None: not logged). What was
        trained without a log is left out.
    """
    curves = {}
    for name, folder in runs.items():
        for below in sorted({os.path.dirname(each) for each in _folders(folder)}):
            own = os.path.relpath(below, folder)
            title = name if own == os.curdir else f"{name}: {own}"
            if curve := _curve(below):
                curves[title] = curve
    return curves


def _folders(folder: str) -> list[str]:
    return [
        path
        for path, _, _ in fileio.walk(folder)
        if os.path.basename(path) in (_TRAINING, _VALIDATION)
    ]


def _curve(folder: str) -> dict[str, Any] | None:
    losses, validation = (_losses(os.path.join(folder, name)) for name in (_TRAINING, _VALIDATION))
    epochs = sorted(losses | validation)
    if not epochs:
        return None
    return {
        "epochs": [epoch + 1 for epoch in epochs],
        "loss": [losses.get(epoch) for epoch in epochs],
        "validation_loss": [validation.get(epoch) for epoch in epochs],
    }


def _losses(folder: str) -> dict[int, float]:
    """Epoch, from 0 -> loss."""
    found = {}
    for event in _events(folder):
        for value in event.summary.value:
            if value.tag == _LOSS:
                loss = float(tf.make_ndarray(value.tensor))
                # A loss that is no number is no JSON.
                if math.isfinite(loss):
                    found[int(event.step)] = loss
    return found


def _events(folder: str) -> Iterator[event_pb2.Event]:
    """Yields what was logged. TensorBoard's own reader cannot be imported beside NumPy 2."""
    for path in sorted(fileio.glob(os.path.join(folder, "*tfevents*"))):
        # A killed training may leave half a record at the end.
        with contextlib.suppress(tf.errors.DataLossError):
            for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
                yield event_pb2.Event.FromString(record)
