"""This project's training step, timed, and the share of time that it waits for its input."""

from __future__ import annotations

import os
import sys
import tempfile
import time

from contract.features import HISTORY

# As in a run of the pipeline.
os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")

import numpy as np
import tensorflow as tf

from benchmarks.train_step.shapes import (
    BATCH,
    SHAPES,
    Shape,
    best_seconds,
    draw_words,
    peak_gigabytes,
    report,
    targets,
)
from benchmarks.transformed_users import write_users
from trainer.encoder.config import EncoderConfig
from trainer.encoder.dataset import training_batches
from trainer.encoder.training import build_training_model

_BATCHES_ON_DISK = 8


def main(name: str, precision: str, steps: int) -> None:
    """Times this project's training step on a shape, and reports the users a second."""
    shape = SHAPES[name]
    config = EncoderConfig(precision=precision)
    model = build_training_model(config, shape.vocabulary_size)
    ids, counts = targets(draw_words(shape, BATCH, seed=1))
    batch = {
        HISTORY: tf.constant(draw_words(shape, BATCH, seed=0)),
        "target_ids": tf.constant(ids),
        "target_weights": tf.constant(np.log1p(counts), tf.float32),
    }
    train = model.make_train_function() or model.train_function
    iterator = iter(tf.data.Dataset.from_tensors(batch).repeat())
    step = best_seconds(lambda: float(train(iterator)["loss"]), steps)
    gigabytes = peak_gigabytes()
    waiting = _share_of_waiting(shape, config, step)
    report(users=BATCH / step, gigabytes=gigabytes, waiting=waiting)


def _share_of_waiting(shape: Shape, config: EncoderConfig, step: float) -> float:
    """How much longer a step takes that must wait for its batch to be read from files.

    Batches are made by the input pipeline's own threads while a step runs; only what they take
    longer than the step is waited for.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "users-00000-of-00001.gz")
        sides = (draw_words(shape, _BATCHES_ON_DISK * BATCH, seed).tolist() for seed in (0, 1))
        spec = write_users(path, zip(*sides, strict=True))
        batches = training_batches(path, spec, config, training=True)
        start = time.perf_counter()
        count = sum(1 for _ in batches)
        input_step = (time.perf_counter() - start) / count
    return max(0.0, 1 - step / max(step, input_step))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
