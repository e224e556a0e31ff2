"""jieba's hidden Markov model, which finds words that the dictionary does not know."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from jieba import finalseg

from trainer.text.runs import LongestFirst, Runs

_STATES = "BEMS"
"""Beginning, end and middle of a word, and a single character; alphabetical, for the ties."""

_BEGIN, _END, _MIDDLE, _SINGLE = range(4)

_PREDECESSORS = np.array(
    [[_END, _SINGLE], [_BEGIN, _MIDDLE], [_BEGIN, _MIDDLE], [_END, _SINGLE]], np.int32
)
"""The two states that may come before each state; of equals jieba takes the second."""

_FIRST, _LAST = 0x4E00, 0x9FD5


class HiddenMarkovModel(tf.Module):
    """The Viterbi pass over runs of ideographs, all runs at once.

    The sums are made in jieba's order and precision, and equals are decided as there, so that
    the words are the same.

    Reference: jieba 0.42.1, `jieba.finalseg.viterbi`.
    """

    def __init__(self):
        super().__init__()
        self._start = np.array([finalseg.start_P[state] for state in _STATES])
        self._transitions = np.array(
            [
                [finalseg.trans_P[_STATES[before]][state] for before in _PREDECESSORS[index]]
                for index, state in enumerate(_STATES)
            ]
        )
        self._emissions = np.full([_LAST - _FIRST + 1, len(_STATES)], finalseg.MIN_FLOAT)
        for index, state in enumerate(_STATES):
            for character, value in finalseg.emit_P[state].items():
                if _FIRST <= ord(character) <= _LAST:
                    self._emissions[ord(character) - _FIRST, index] = value

    def word_starts(self, codes: tf.Tensor, runs: Runs) -> tf.Tensor:
        """Marks the first characters of words.

        Args:
          codes: int64 [n]; code points.
          runs: runs of ideographs.

        Returns:
          bool [n]; False outside of the runs.
        """
        order, running = LongestFirst.of(runs.lengths)
        first = tf.gather(runs.starts, order)
        choices, finals = self._forward(codes, first, running)
        positions, begins = _backward(first, running, choices, finals)
        return tf.scatter_nd(positions[:, None], tf.cast(begins, tf.int32), runs.size[None]) > 0

    def _forward(self, codes, first, running):
        """Per step, the predecessor of each state [runs, 4] and the state to end with [runs]."""
        steps = tf.size(running)
        emissions = tf.constant(self._emissions)
        from_first, from_second = (tf.constant(self._transitions[:, n]) for n in (0, 1))

        def step(index, scores, choices, finals):
            live = running[index]
            position = first[:live] + tf.cast(index, tf.int64)
            emission = tf.gather(emissions, tf.gather(codes, position) - _FIRST)
            score = tf.gather(scores[:live], _PREDECESSORS[:, 0], axis=1) + from_first + emission
            other = tf.gather(scores[:live], _PREDECESSORS[:, 1], axis=1) + from_second + emission
            choice = tf.where(other >= score, _PREDECESSORS[:, 1], _PREDECESSORS[:, 0])
            score = tf.where(index == 0, self._start + emission, tf.maximum(score, other))
            final = tf.where(score[:, _SINGLE] >= score[:, _END], _SINGLE, _END)
            return index + 1, score, choices.write(index, choice), finals.write(index, final)

        return tf.while_loop(
            lambda index, *_: index < steps,
            step,
            (
                tf.constant(0),
                tf.zeros(tf.stack([tf.size(first), len(_STATES)]), tf.float64),
                _array(tf.int32, steps, [None, len(_STATES)]),
                _array(tf.int32, steps, [None]),
            ),
            shape_invariants=(
                tf.TensorShape([]),
                tf.TensorShape([None, len(_STATES)]),
                tf.TensorShape(None),
                tf.TensorShape(None),
            ),
        )[2:]


def _backward(first, running, choices, finals):
    """Follows the best paths back; returns positions [k] and whether a word begins there [k]."""
    steps = tf.size(running)

    def step(index, state, positions, begins):
        # Here the runs join in whose last character this is.
        state = tf.concat([state, finals.read(index)[tf.size(state) :]], axis=0)
        position = first[: running[index]] + tf.cast(index, tf.int64)
        starts = (state == _BEGIN) | (state == _SINGLE) | (index == 0)
        before = tf.gather(choices.read(index), state, batch_dims=1)
        return index - 1, before, positions.write(index, position), begins.write(index, starts)

    *_, positions, begins = tf.while_loop(
        lambda index, *_: index >= 0,
        step,
        (
            steps - 1,
            tf.zeros([0], tf.int32),
            _array(tf.int64, steps, [None]),
            _array(tf.bool, steps, [None]),
        ),
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape([None]),
            tf.TensorShape(None),
            tf.TensorShape(None),
        ),
    )
    return positions.concat(), begins.concat()


def _array(dtype, size, element_shape):
    return tf.TensorArray(dtype, size, element_shape=element_shape, infer_shape=False)
