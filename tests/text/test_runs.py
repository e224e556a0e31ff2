"""Runs in a flat vector."""

import tensorflow as tf

from trainer.text.runs import LongestFirst, Runs, following, previous, reachable


def _mask(text):
    return tf.constant([letter == "1" for letter in text], tf.bool)


def test_neighbours():
    assert previous(tf.constant([5, 6, 7])).numpy().tolist() == [0, 5, 6]
    assert following(tf.constant([5, 6, 7])).numpy().tolist() == [6, 7, 0]


def test_runs_begin_anew():
    runs = Runs.of(_mask("110110"), _mask("000010"))
    assert runs.starts.numpy().tolist() == [0, 3, 4]
    assert runs.ends.numpy().tolist() == [2, 4, 5]
    assert runs.covered.numpy().tolist() == [True, True, False, True, True, False]
    assert runs.begins.numpy().tolist() == [True, False, False, True, True, False]
    assert runs.spread(tf.constant([7, 8, 9])).numpy().tolist() == [7, 7, 0, 8, 9, 0]
    assert runs.spread(tf.constant([True, False, True])).numpy().tolist() == (
        [True, True, False, False, True, False]
    )


def test_no_runs():
    for mask in ("", "00"):
        runs = Runs.of(_mask(mask), _mask(mask))
        assert runs.lengths.numpy().tolist() == []
        assert runs.spread(runs.starts).numpy().tolist() == [0] * len(mask)


def test_the_longest_first():
    order, running = LongestFirst.of(tf.constant([2, 4, 1, 4], tf.int64))
    assert order.numpy().tolist() == [1, 3, 0, 2]
    # Four runs have a first element, three a second, two a third and a fourth.
    assert running.numpy().tolist() == [4, 3, 2, 2]


def test_the_longest_of_none():
    order, running = LongestFirst.of(tf.constant([], tf.int64))
    assert order.numpy().tolist() == []
    assert running.numpy().tolist() == [0]


def test_reachable():
    successors = tf.constant([2, 2, 5, 4, 5, 6], tf.int64)
    marked = reachable(_mask("100000"), successors, jumps=tf.constant(6, tf.int64))
    # 0, 2, 5, and out.
    assert marked.numpy().tolist() == [True, False, True, False, False, True]
