"""Runs in one flat vector: where neighbours that belong together begin and end."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from trainer.text.ragged import repeat, row_ids


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
        members: Int64 [k]; the positions that the runs cover.
        starts: Int64 [r]; the first position of each run.
        ends: Int64 [r]; the position behind the last of each run.
        size: Int64 []; n, the length of the mask.
    """

    members: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor
    size: tf.Tensor

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
        return cls(
            tf.where(mask)[:, 0],
            tf.where(mask & ~goes_on)[:, 0],
            tf.where(mask & ~following(goes_on))[:, 0] + 1,
            tf.size(mask, tf.int64),
        )

    @property
    def lengths(self) -> tf.Tensor:
        """Int64 [r]; at least 1."""
        return self.ends - self.starts

    def spread(self, values: tf.Tensor) -> tf.Tensor:
        """Gives every member its run's value: [r] to [n], 0 (False) outside of the runs."""
        return scattered(self.members, repeat(values, self.lengths), self.size)

    @property
    def covered(self) -> tf.Tensor:
        """Bool [n]; what belongs to a run."""
        return scattered(self.members, tf.ones_like(self.members, tf.bool), self.size)

    @property
    def begins(self) -> tf.Tensor:
        """Bool [n]; where a run begins."""
        return scattered(self.starts, tf.ones_like(self.starts, tf.bool), self.size)


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
        targets = tf.gather(leads_to, tf.where(marked))
        marked = tf.tensor_scatter_nd_update(
            marked, targets, tf.ones(tf.shape(targets)[:1], tf.bool)
        )
        return made * 2, marked, tf.gather(leads_to, leads_to)

    _, marked, _ = tf.while_loop(
        lambda made, *_: made <= jumps,
        double,
        (
            tf.constant(1, tf.int64),
            tf.concat([seeds, [False]], axis=0),
            tf.concat([successors, [size]], axis=0),
        ),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape([None])),
    )
    return marked[:-1]
