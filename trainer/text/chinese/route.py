"""jieba's route: the most probable way through the words of every block."""

from __future__ import annotations

import tensorflow as tf

from trainer.text.chinese.trie import FIRST_WORD
from trainer.text.runs import LongestFirst, Runs, places


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
        words: Int32 [n, m]; entries of the words that begin at each character, by their length.
        blocks: The runs of characters that a route leads through.
        log_probabilities: Float64 [entries].
        unknown: Log probability of a character where no word begins.

    Returns:
        int64 [n]; the length of the chosen word; 1 outside of the blocks.
    """
    width = tf.shape(words)[1]
    lengths = tf.range(1, width + 1)
    alone = tf.where(lengths == 1, tf.constant(unknown, tf.float64), -float("inf"))
    has_word = tf.reduce_any(words >= FIRST_WORD, axis=1, keepdims=True)
    words_alone = tf.where(has_word, tf.gather(log_probabilities, words), alone)

    order, running = LongestFirst.of(blocks.lengths)
    step_of, block_of = places(running)
    positions = tf.gather(tf.gather(blocks.ends, order), block_of) - 1 - step_of
    steps = tf.size(running)
    scores_of_steps = tf.TensorArray(
        tf.float64, steps, element_shape=[None, None], infer_shape=False
    ).split(tf.gather(words_alone, positions), running)

    def step(index, route, chosen):
        # route[:, k] is the score of the route that begins k + 1 characters further on.
        scores = scores_of_steps.read(index)
        route = route[: tf.shape(scores)[0]]
        scores += route
        best = tf.reduce_max(scores, axis=1, keepdims=True)
        longest = tf.reduce_max(tf.where(scores == best, lengths, 0), axis=1)
        route = tf.concat([best, route[:, :-1]], axis=1)
        return index + 1, route, chosen.write(index, longest)

    *_, chosen = tf.while_loop(
        lambda index, *_: index < steps,
        step,
        (
            tf.constant(0),
            tf.zeros(tf.stack([tf.size(order), width]), tf.float64),
            tf.TensorArray(tf.int32, steps, element_shape=[None], infer_shape=False),
        ),
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape([None, None]),
            tf.TensorShape(None),
        ),
    )
    ones = tf.ones(tf.shape(words)[:1], tf.int64)
    chosen = tf.cast(chosen.concat(), tf.int64)
    return tf.tensor_scatter_nd_update(ones, positions[:, None], chosen)
