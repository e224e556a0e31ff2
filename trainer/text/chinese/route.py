"""jieba's route: the most probable way through the words of every block."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from trainer.text.chinese.trie import FIRST_WORD, UNKNOWN
from trainer.text.runs import LongestFirst, Runs, places

_AT_ONCE = 4
"""Steps of the loop that are one of TensorFlow's."""


def best_lengths(
    words: tf.Tensor,
    blocks: Runs,
    room: tf.Tensor,
    log_probabilities: Sequence[float],
) -> tf.Tensor:
    """Chooses at every character the word that the most probable route from there begins with.

    jieba's dynamic programme, from right to left, for all blocks at once. The sums are made in
    the same order and precision, so that ties and rounding fall as they do there: among equally
    probable words the longest wins.

    Args:
        words: Int64 [n, m]; entries of the words that begin at each character, by their length.
        blocks: The runs of characters that a route leads through.
        room: Int64 [n]; how many characters of its block there are from each one on, 0 outside.
        log_probabilities: Of each entry.

    Returns:
        int64 [n]; the length of the chosen word; 1 outside of the blocks.
    """
    count, width = tf.size(room, tf.int64), tf.shape(words, tf.int64)[1]
    lengths = tf.range(1, width + 1)
    # Where no word begins the character stands alone, as an entry of its own.
    has_word = tf.reduce_any(words >= FIRST_WORD, axis=1)
    first = tf.where(has_word, words[:, 0], UNKNOWN)
    words = tf.concat([first[:, None], words[:, 1:]], axis=1)
    scores = tf.gather(tf.constant(log_probabilities, tf.float64), words)
    # Behind a block there is nothing to come: the last score, which is 0.
    behind = tf.range(count)[:, None] + lengths
    behind = tf.where(lengths < room[:, None], behind, count)

    best = _by_steps(scores, blocks)
    # Which word the best score came from is asked of all characters at once.
    found = scores + tf.gather(best, behind) == best[:-1, None]
    return tf.maximum(tf.reduce_max(tf.cast(found, tf.int64) * lengths, axis=1), 1)


def _by_steps(scores: tf.Tensor, blocks: Runs) -> tf.Tensor:
    """The score of the best route from each character to the end of its block.

    A step is of all characters that are as far from the ends of their blocks.

    Args:
        scores: Float64 [n, width]; of the words from each character.
        blocks: The runs of characters that a route leads through.

    Returns:
        float64 [n + 1]; the last one is 0.
    """
    order, running = LongestFirst.of(blocks.lengths)
    running = tf.pad(running, [[0, -tf.size(running) % _AT_ONCE]])
    step_of, block_of = places(running)
    positions = tf.gather(tf.gather(blocks.ends, order), block_of) - 1 - step_of
    best = _best_scores(tf.gather(scores, positions), running)
    return tf.scatter_nd(positions[:, None], best, blocks.size[None] + 1)


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
