"""The matrix products of one training step and nothing else, timed in TensorFlow."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")

import tensorflow as tf

from benchmarks.train_step.shapes import BATCH, DIMENSION, HOPS, SHAPES, best_seconds, report


def main(name: str, precision: str, steps: int) -> None:
    """Times the step's matrix products alone, and reports the users a second."""
    shape = SHAPES[name]
    # Each product: rows, inner size, columns, how often it occurs in a step.
    rows, vocabulary = BATCH * HOPS, shape.vocabulary_size
    behaviors = BATCH * shape.behaviors
    products = [
        (rows, DIMENSION, vocabulary, 1),
        (rows, vocabulary, DIMENSION, 1),
        (vocabulary, rows, DIMENSION, 1),
        (behaviors, DIMENSION, DIMENSION, 4),
        (DIMENSION, behaviors, DIMENSION, 2),
    ]
    seconds = sum(times * _best(m, k, n, precision, steps) for m, k, n, times in products)
    report(users=BATCH / seconds)


def _best(rows: int, inner: int, columns: int, precision: str, steps: int) -> float:
    # Large results go to memory in pieces, as they do in training.
    pieces = 1 + rows * max(inner, columns) // 2**24
    a = tf.cast(tf.random.normal((rows // pieces, inner)), precision)
    b = tf.cast(tf.random.normal((inner, columns)), precision)
    multiply = tf.function(tf.matmul)
    return pieces * best_seconds(lambda: multiply(a, b), steps)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
