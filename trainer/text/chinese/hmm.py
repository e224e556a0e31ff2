"""jieba's hidden Markov model, which finds words that the dictionary does not know."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from jieba import finalseg

from trainer.text.runs import LongestFirst, Runs, places, scattered

STATES = "BEMS"
"""Beginning, end and middle of a word, and a single character; alphabetical, for the ties."""

BEGIN, END, MIDDLE, SINGLE = range(4)

PREDECESSORS = np.array([[END, SINGLE], [BEGIN, MIDDLE], [BEGIN, MIDDLE], [END, SINGLE]], np.int32)
"""The two states that may come before each state; of equals jieba takes the second."""

_FIRST, _LAST = 0x4E00, 0x9FD5


class HiddenMarkovModel(tf.Module):
    """The Viterbi pass over runs of ideographs, all runs at once.

    The sums are made in jieba's order and precision, and equals are decided as there, so that
    the words are the same.

    Reference: jieba 0.42.1, `jieba.finalseg.viterbi`.

    Attributes:
        start: Float64 [4]; log probabilities of the states of a run's first character.
        transitions: Float64 [4, 2]; of each state after its two predecessors.
        emissions: Float64 [ideographs, 4]; of each ideograph in each state.
    """

    def __init__(self):
        super().__init__()
        self.start = np.array([finalseg.start_P[state] for state in STATES])
        self.transitions = np.array(
            [
                [finalseg.trans_P[STATES[before]][state] for before in PREDECESSORS[index]]
                for index, state in enumerate(STATES)
            ]
        )
        self.emissions = np.full([_LAST - _FIRST + 1, len(STATES)], finalseg.MIN_FLOAT)
        for index, state in enumerate(STATES):
            for character, value in finalseg.emit_P[state].items():
                if _FIRST <= ord(character) <= _LAST:
                    self.emissions[ord(character) - _FIRST, index] = value

    @staticmethod
    def rows_of(codes: tf.Tensor) -> tf.Tensor:
        """Code points of ideographs to their rows of `emissions`."""
        return codes - _FIRST

    def word_starts(self, codes: tf.Tensor, runs: Runs) -> tf.Tensor:
        """Marks the first characters of words.

        Args:
            codes: Int64 [n]; code points.
            runs: Runs of ideographs.

        Returns:
            bool [n]; False outside of the runs.
        """
        order, running = LongestFirst.of(runs.lengths)
        step_of, run_of = places(running)
        positions = tf.gather(tf.gather(runs.starts, order), run_of) + step_of
        emissions = tf.gather(
            tf.constant(self.emissions), self.rows_of(tf.gather(codes, positions))
        )
        before, last = self._forward(emissions, running)
        states = _backward(before, last, tf.size(running))
        begins = (states == BEGIN) | (states == SINGLE) | (step_of == 0)
        return scattered(positions, begins, runs.size)

    def _forward(self, emissions, running):
        """Per step, the best state before each state, [runs, 4], and the best to end with."""
        steps = tf.size(running)
        emissions_of_steps = _array(tf.float64, steps, [None, None]).split(emissions, running)
        from_first, from_second = (tf.constant(self.transitions[:, n]) for n in (0, 1))

        def step(index, scores, before, last):
            emission = emissions_of_steps.read(index)
            scores = scores[: tf.shape(emission)[0]]
            first = tf.gather(scores, PREDECESSORS[:, 0], axis=1) + from_first + emission
            second = tf.gather(scores, PREDECESSORS[:, 1], axis=1) + from_second + emission
            choice = tf.where(second >= first, PREDECESSORS[:, 1], PREDECESSORS[:, 0])
            scores = tf.where(index == 0, self.start + emission, tf.maximum(first, second))
            ending = tf.where(scores[:, SINGLE] >= scores[:, END], SINGLE, END)
            return index + 1, scores, before.write(index, choice), last.write(index, ending)

        return tf.while_loop(
            lambda index, *_: index < steps,
            step,
            (
                tf.constant(0),
                tf.zeros(tf.stack([tf.cast(running[0], tf.int32), len(STATES)]), tf.float64),
                _array(tf.int32, steps, [None, len(STATES)]),
                _array(tf.int32, steps, [None]),
            ),
            shape_invariants=(
                tf.TensorShape([]),
                tf.TensorShape([None, len(STATES)]),
                tf.TensorShape(None),
                tf.TensorShape(None),
            ),
        )[2:]


def _backward(before, last, steps) -> tf.Tensor:
    """Follows the best paths back: the states of all steps, one after the other."""

    def step(index, state, states):
        # Here the runs join in of which this is the last character.
        state = tf.concat([state, last.read(index)[tf.size(state) :]], axis=0)
        states = states.write(index, state)
        return index - 1, tf.gather(before.read(index), state, batch_dims=1), states

    *_, states = tf.while_loop(
        lambda index, *_: index >= 0,
        step,
        (steps - 1, tf.zeros([0], tf.int32), _array(tf.int32, steps, [None])),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape(None)),
    )
    return states.concat()


def _array(dtype, size, element_shape):
    return tf.TensorArray(dtype, size, element_shape=element_shape, infer_shape=False)
