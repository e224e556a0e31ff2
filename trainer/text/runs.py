"""Runs in one flat vector: where neighbours that belong together begin and end."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from trainer.text.ragged import row_ids

_DOUBLINGS = 4


def previous(values: tf.Tensor) -> tf.Tensor:
    """Shifts [n] to the right: each position gets its left neighbour's value, the first 0."""
    return tf.concat([tf.zeros_like(values[:1]), values[:-1]], axis=0)


def following(values: tf.Tensor) -> tf.Tensor:
    """Shifts [n] to the left: each position gets its right neighbour's value, the last 0."""
    return tf.concat([values[1:], tf.zeros_like(values[:1])], axis=0)


def scattered(positions: tf.Tensor, values: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Puts values, [k], at different positions, int64 [k]: [size], elsewhere 0 (False)."""
    # A scatter of booleans adds them up, which TensorFlow does not do.
    numbers = tf.cast(values, tf.int32) if values.dtype == tf.bool else values
    return tf.cast(tf.scatter_nd(positions[:, None], numbers, size[None]), values.dtype)


class Runs(NamedTuple):
    """The runs of a mask, from left to right.

    Attributes:
        covered: Bool [n]; what belongs to a run.
        begins: Bool [n]; where a run begins.
        starts: Int64 [r]; the first position of each run.
        ends: Int64 [r]; the position behind the last of each run.
    """

    covered: tf.Tensor
    begins: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor

    @classmethod
    def of(cls, mask: tf.Tensor, anew: tf.Tensor) -> Runs:
        """Finds the runs of a mask.

        Args:
            mask: Bool [n]; what belongs to a run.
            anew: Bool [n]; where a run may only begin, not go on.

        Returns:
            The runs. For the mask 1 1 0 1 1, anew 0 0 0 0 1, they are [0, 2), [3, 4), [4, 5).
        """
        goes_on = mask & previous(mask) & ~anew
        begins = mask & ~goes_on
        return cls(
            mask,
            begins,
            tf.where(begins)[:, 0],
            tf.where(mask & ~following(goes_on))[:, 0] + 1,
        )

    @property
    def lengths(self) -> tf.Tensor:
        """Int64 [r]; at least 1."""
        return self.ends - self.starts

    @property
    def size(self) -> tf.Tensor:
        """Int64 []; n, the length of the mask."""
        return tf.size(self.covered, tf.int64)

    def spread(self, values: tf.Tensor) -> tf.Tensor:
        """Gives every member its run's value: [r] to [n], 0 (False) outside of the runs."""
        number = tf.cumsum(tf.cast(self.begins, tf.int64)) * tf.cast(self.covered, tf.int64)
        return tf.gather(tf.concat([tf.zeros([1], values.dtype), values], axis=0), number)


class LongestFirst(NamedTuple):
    """An order of runs in which those that still go on at a step are always the first ones.

    Attributes:
        order: Int64 [r]; the runs, the longest first.
        running: Int64 [steps]; how many runs are longer than 0, 1, 2, ...; `steps` is the length of
            the longest, at least 1.
    """

    order: tf.Tensor
    running: tf.Tensor

    @classmethod
    def of(cls, lengths: tf.Tensor) -> LongestFirst:
        """Orders runs by their lengths, int64 [r]."""
        order = tf.argsort(lengths, direction="DESCENDING", stable=True)
        steps = tf.range(tf.reduce_max(tf.concat([lengths, [1]], axis=0)))
        not_longer = tf.searchsorted(
            tf.gather(lengths, tf.reverse(order, [0])), steps, side="right", out_type=tf.int64
        )
        return cls(order, tf.size(lengths, tf.int64) - not_longer)


def places(running: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Lists what is done step by step: at step 0 runs 0, 1, ..., at step 1 runs 0, 1, ...

    Args:
        running: Int64 [steps]; of how many runs there is something to do.

    Returns:
        The steps and the runs, int64 [sum of `running`] each.
    """
    steps = row_ids(running)
    first = tf.cumsum(running, exclusive=True)
    return steps, tf.range(tf.size(steps, tf.int64)) - tf.gather(first, steps)


def reachable(seeds: tf.Tensor, successors: tf.Tensor, jumps: tf.Tensor) -> tf.Tensor:
    """Marks what can be reached from the seeds, by doubling the jumps.

    Args:
        seeds: Bool [n].
        successors: Int64 [n]; where each position leads to, at most n, which is nowhere.
        jumps: Int64 []; an upper bound of how many jumps there are from a seed.

    Returns:
        bool [n].
    """
    size = tf.size(successors, tf.int64)

    def double(made, marked, leads_to):
        # A loop costs more than what is done in it: several doublings at once.
        for _ in range(_DOUBLINGS):
            marked = tf.tensor_scatter_nd_max(marked, leads_to[:, None], marked)
            leads_to = tf.gather(leads_to, leads_to)
        return made * 2**_DOUBLINGS, marked, leads_to

    _, marked, _ = tf.while_loop(
        lambda made, *_: made <= jumps,
        double,
        (
            tf.constant(1, tf.int64),
            tf.concat([tf.cast(seeds, tf.int32), [0]], axis=0),
            tf.concat([successors, [size]], axis=0),
        ),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape([None])),
    )
    return marked[:-1] > 0
