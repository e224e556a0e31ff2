"""The classes of characters that jieba's regular expressions tell apart."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_IDEOGRAPHS = (0x4E00, 0x9FD5)
_OTHER_WORD_CHARACTERS = "+#&._%-"

CARRIAGE_RETURN, LINE_FEED = map(ord, "\r\n")
POINT, PERCENT = map(ord, ".%")


def is_ideograph(codes: tf.Tensor) -> tf.Tensor:
    """What jieba counts as Chinese: U+4E00 to U+9FD5; rarer ideographs are not among them."""
    first, last = _IDEOGRAPHS
    return (codes >= first) & (codes <= last)


def is_digit(codes: tf.Tensor) -> tf.Tensor:
    """Whether it is one of 0 to 9."""
    return (codes >= ord("0")) & (codes <= ord("9"))


def is_alphanumeric(codes: tf.Tensor) -> tf.Tensor:
    """Whether it is one of a to z, A to Z and 0 to 9."""
    return tf.gather(_ascii_table(str.isalnum), tf.minimum(codes, 128))


def is_word_character(codes: tf.Tensor) -> tf.Tensor:
    """What jieba's `re_han_default` matches: words are made of these alone."""
    ascii_word = _ascii_table(lambda c: c.isalnum() or c in _OTHER_WORD_CHARACTERS)
    return is_ideograph(codes) | tf.gather(ascii_word, tf.minimum(codes, 128))


def _ascii_table(predicate) -> tf.Tensor:
    """Bool [129]: the predicate of the ASCII characters, and False for all beyond."""
    return tf.constant(np.array([predicate(chr(code)) for code in range(128)] + [False]))
