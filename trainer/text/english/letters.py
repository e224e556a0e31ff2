"""Letters as numbers of five bits: the end of a word is one integer, a suffix one comparison."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

BITS = 5
"""Bits of a letter; 0 stands where there is none."""

LETTER = (1 << BITS) - 1

MAX_LETTERS = 12
"""So many letters are packed into one int64."""

_ALPHABET = "abcdefghijklmnopqrstuvwxyz'Y"
"""Y is a y at the beginning of a word or behind a vowel: no vowel itself."""

Y, MARKED_Y = (_ALPHABET.index(letter) + 1 for letter in "yY")

_OTHER = len(_ALPHABET) + 1
"""Any other character; to Snowball a letter that is no vowel."""


def pack(text: str) -> int:
    """Packs letters, the last one into the lowest bits."""
    number = 0
    for letter in text:
        number = number << BITS | _ALPHABET.index(letter) + 1
    return number


def mask(letters: int) -> int:
    """The bits of so many letters."""
    return (1 << BITS * letters) - 1


def members(letters: str) -> np.ndarray:
    """Bool [32]; whether a letter, by its number, is one of `letters`."""
    flags = np.zeros(1 << BITS, bool)
    flags[[_ALPHABET.index(letter) + 1 for letter in letters]] = True
    return flags


VOWEL = members("aeiouy")

NO_VOWEL = ~VOWEL & (np.arange(1 << BITS) > 0)


def _short_syllables() -> np.ndarray:
    """Bool [32768]; by the last three letters, whether a word ends in a short syllable.

    That is a vowel between two consonants of which the last is not w, x or Y; or a word of two
    letters, a vowel and a consonant.
    """
    last = NO_VOWEL & ~members("wxY")
    inside = NO_VOWEL[:, None, None] & VOWEL[:, None] & last
    inside[0] |= VOWEL[:, None] & NO_VOWEL
    return inside.ravel()


SHORT_SYLLABLE = _short_syllables()


def numbers(code_points: tf.Tensor) -> tf.Tensor:
    """Code points, int32 [n], to letters, int64 [n], 1 to 29."""
    table = np.full(129, _OTHER, np.int64)
    for number, letter in enumerate(_ALPHABET, start=1):
        table[ord(letter)] = number
    return tf.gather(tf.constant(table), tf.minimum(code_points, 128))


def text(letters: tf.Tensor) -> tf.Tensor:
    """Single letters, int64 [n], 0 to 28, to strings [n]; "" for 0."""
    return tf.gather(tf.constant(["", *_ALPHABET]), letters)


def shift_left(values: tf.Tensor, letters: tf.Tensor | int) -> tf.Tensor:
    """Packed letters, int64 [n], with room for more behind; what is too much falls off."""
    bits = tf.cast(letters * BITS, tf.int64)
    room = tf.bitwise.right_shift(tf.constant(mask(MAX_LETTERS), tf.int64), bits)
    return tf.bitwise.left_shift(tf.bitwise.bitwise_and(values, room), bits)


def shift_right(values: tf.Tensor, letters: tf.Tensor | int) -> tf.Tensor:
    """Packed letters, int64 [n], without the last ones."""
    return tf.bitwise.right_shift(values, tf.cast(letters * BITS, tf.int64))
