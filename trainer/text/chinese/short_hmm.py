"""The hidden Markov model over few characters, in few operations."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from trainer.text.apart import apart
from trainer.text.chinese.hmm import BEGIN, END, PREDECESSORS, SINGLE, STATES, HiddenMarkovModel
from trainer.text.chinese.rounds import until_unchanged
from trainer.text.runs import Runs, scattered

_ROUNDS = 6
"""More than most runs of single characters have characters."""


class ShortHiddenMarkovModel(HiddenMarkovModel):
    """As its base, for few characters; memory is of the square of the characters.

    A node is a state of a character; those of the first row are before any character. The scores of
    all nodes are made anew from the last ones until none changes, and the best paths are followed
    back all at once.
    """

    def word_starts(self, codes: tf.Tensor, runs: Runs) -> tf.Tensor:
        """See base class."""
        places = tf.where(runs.covered)[:, 0]
        first = tf.gather(runs.begins, places)
        characters = tf.size(places, tf.int64)
        emissions = tf.gather(tf.constant(self.emissions), self.rows_of(tf.gather(codes, places)))
        emissions = tf.reshape(tf.pad(emissions, [[1, 0], [0, 0]]), [-1])

        # The first character of a run comes from the start's scores, which come from themselves.
        starting = tf.concat([[True], first], axis=0)
        row = tf.range(characters + 1)[:, None, None] - 1
        states = len(STATES)
        before = tf.where(starting[:, None, None], _OWN, row * states + PREDECESSORS)
        before = tf.reshape(before, [-1, 2])
        added = tf.reshape(
            tf.where(starting[:, None, None], tf.zeros([], tf.float64), self.transitions), [-1, 2]
        )

        scores = tf.concat([self.start, tf.zeros_like(emissions[states:])], axis=0)
        last = scores
        for _ in range(_ROUNDS):
            last, scores = scores, _next(scores, before, added, emissions)
        scores = tf.cond(
            tf.reduce_any(scores != last),
            lambda: _further(scores, before, added, emissions),
            lambda: scores,
        )

        routes = tf.gather(scores, before) + added + emissions[:, None]
        came_from = tf.where(routes[:, 1] >= routes[:, 0], before[:, 1], before[:, 0])[states:]
        by_character = tf.reshape(scores[states:], [-1, states])
        ending = tf.where(by_character[:, SINGLE] >= by_character[:, END], SINGLE, END)
        ends = tf.concat([first[1:], tf.ones_like(first[:1])], axis=0)
        seeds = tf.one_hot(tf.where(ends, ending, -1), states)
        # As in `short_texts`: in how many ways one gets to a node, 0 or 1.
        nodes = tf.cast(characters, tf.int32) * states
        ways = tf.linalg.triangular_solve(
            tf.eye(nodes) - tf.one_hot(came_from - states, nodes, axis=0),
            tf.reshape(seeds, [-1, 1]),
            lower=False,
        )
        on_path = tf.reshape(ways, [-1, states]) > 0
        begins = on_path[:, BEGIN] | on_path[:, SINGLE] | first
        return scattered(places, begins, runs.size)


_OWN = np.arange(len(STATES), dtype=np.int64)[:, None].repeat(2, axis=1)
"""What a starting node comes from: the node of the first row with its state, twice."""


def _next(scores, before, added, emissions):
    return tf.reduce_max(tf.gather(scores, before) + added, axis=1) + emissions


@apart
def _further(scores, before, added, emissions):
    """Goes on with rounds for long runs, until none changes a score."""
    return until_unchanged(lambda scores: _next(scores, before, added, emissions), scores, _ROUNDS)
