"""jieba's route: the most probable way through the words of every block."""

from __future__ import annotations

import tensorflow as tf

from trainer.text.chinese.trie import FIRST_WORD
from trainer.text.runs import LongestFirst, Runs


def best_lengths(
    words: tf.Tensor,
    blocks: Runs,
    log_probabilities: tf.Tensor,
    unknown: float,
) -> tf.Tensor:
    """Chooses at every character the word that the most probable route from there begins with.

    jieba's dynamic programme, from right to left, for all blocks at once. The sums are made in
    the same order and precision, so that ties and rounding fall as they do there: among equally
    probable words the longest wins.

    Args:
      words: int32 [n, m]; entries of the words that begin at each character, by their length.
      blocks: the runs of characters that a route leads through.
      log_probabilities: float64 [entries].
      unknown: log probability of a character where no word begins.

    Returns:
      int64 [n]; the length of the chosen word; 1 outside of the blocks.
    """
    width = tf.shape(words, tf.int64)[1]
    alone = tf.one_hot(
        0,
        tf.cast(width, tf.int32),
        tf.constant(unknown, tf.float64),
        -float("inf"),
        dtype=tf.float64,
    )
    order, running = LongestFirst.of(blocks.lengths)
    ends, steps = tf.gather(blocks.ends, order), tf.size(running, tf.int64)

    def step(index, route, positions, chosen):
        live = running[index]
        position = ends[:live] - 1 - index
        entries = tf.gather(words, position)
        scores = tf.gather(log_probabilities, entries)
        has_word = tf.reduce_any(entries >= FIRST_WORD, axis=1, keepdims=True)
        # route[:, k] is the score of the route that begins k + 1 characters further on.
        scores = tf.where(has_word, scores, alone) + route[:live]
        best = tf.reduce_max(scores, axis=1, keepdims=True)
        from_longest = tf.argmax(tf.cast(tf.reverse(scores == best, [1]), tf.int32), axis=1)
        time = tf.cast(index, tf.int32)
        return (
            index + 1,
            tf.concat([best, route[:live, :-1]], axis=1),
            positions.write(time, position),
            chosen.write(time, width - from_longest),
        )

    def array():
        return tf.TensorArray(
            tf.int64, tf.cast(steps, tf.int32), element_shape=[None], infer_shape=False
        )

    _, _, positions, chosen = tf.while_loop(
        lambda index, *_: index < steps,
        step,
        (
            tf.constant(0, tf.int64),
            tf.zeros(tf.stack([tf.size(ends, tf.int64), width]), tf.float64),
            array(),
            array(),
        ),
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape([None, None]),
            tf.TensorShape(None),
            tf.TensorShape(None),
        ),
    )
    ones = tf.ones(tf.shape(words, tf.int64)[:1], tf.int64)
    return tf.tensor_scatter_nd_update(ones, positions.concat()[:, None], chosen.concat())
