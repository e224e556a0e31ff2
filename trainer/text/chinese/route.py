"""jieba's route: the most probable way through the words of every block."""

from __future__ import annotations

import tensorflow as tf

from trainer.text.chinese.trie import FIRST_WORD
from trainer.text.runs import LongestFirst, Runs, places

_AT_ONCE = 4
"""Steps of the loop that are one of TensorFlow's."""


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
    running = tf.pad(running, [[0, -tf.size(running) % _AT_ONCE]])
    step_of, block_of = places(running)
    ends = tf.gather(tf.gather(blocks.ends, order), block_of)
    positions = ends - 1 - step_of
    scores = tf.gather(words_alone, positions)
    best = _best_scores(scores, running)

    # Which word the best score came from is asked of all characters at once.
    count = tf.size(has_word, tf.int64)
    best_from = tf.scatter_nd(positions[:, None], best, count[None] + 1)
    behind = positions[:, None] + tf.cast(lengths, tf.int64)
    rest = tf.where(
        behind < ends[:, None],
        tf.gather(best_from, tf.minimum(behind, count)),
        tf.constant(0, tf.float64),
    )
    longest = tf.reduce_max(tf.where(scores + rest == best[:, None], lengths, 0), axis=1)
    return tf.tensor_scatter_nd_update(
        tf.ones([count], tf.int64), positions[:, None], tf.cast(longest, tf.int64)
    )


def _best_scores(scores: tf.Tensor, running: tf.Tensor) -> tf.Tensor:
    """The score of the best route from each character to the end of its block.

    Args:
        scores: Float64 [m, width]; of the words from each character, step by step from the ends.
        running: Int64 [steps]; how many characters each step has; a multiple of `_AT_ONCE` steps.

    Returns:
        float64 [m].
    """
    steps, width = tf.size(running), tf.shape(scores)[1]
    scores_of_steps = tf.TensorArray(
        tf.float64, steps, element_shape=[None, None], infer_shape=False
    ).split(scores, running)

    def step(index, route, best):
        # A loop costs more than what is done in it: several steps at once.
        for ahead in range(_AT_ONCE):
            # route[:, k] is the score of the route that begins k + 1 characters further on.
            scores = scores_of_steps.read(index + ahead)
            route = route[: tf.shape(scores)[0]]
            here = tf.reduce_max(scores + route, axis=1, keepdims=True)
            route = tf.concat([here, route[:, :-1]], axis=1)
            best = best.write(index + ahead, here[:, 0])
        return index + _AT_ONCE, route, best

    *_, best = tf.while_loop(
        lambda index, *_: index < steps,
        step,
        (
            tf.constant(0),
            tf.zeros(tf.stack([tf.cast(running[0], tf.int32), width]), tf.float64),
            tf.TensorArray(tf.float64, steps, element_shape=[None], infer_shape=False),
        ),
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape([None, None]),
            tf.TensorShape(None),
        ),
    )
    return best.concat()
