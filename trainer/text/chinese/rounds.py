"""Scores that are made anew from the last ones until none changes."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def until_unchanged(
    step: Callable[[tf.Tensor], tf.Tensor], scores: tf.Tensor, at_once: int
) -> tf.Tensor:
    """Repeats a step.

    Args:
        step: From all scores to all scores.
        scores: Float64 [n]; the first ones.
        at_once: Steps of one round of TensorFlow's loop, after which it is asked.

    Returns:
        float64 [n]; scores that the step leaves as they are.
    """

    def rounds(scores, _):
        for _ in range(at_once):
            before, scores = scores, step(scores)
        return scores, tf.reduce_any(scores != before)

    scores, _ = tf.while_loop(
        lambda scores, changed: changed,
        rounds,
        (scores, True),
        shape_invariants=(tf.TensorShape([None]), tf.TensorShape([])),
    )
    return scores
