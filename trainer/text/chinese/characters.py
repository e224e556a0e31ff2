"""The classes of characters that jieba's regular expressions tell apart, and their letters."""

from __future__ import annotations

import string

import numpy as np
import tensorflow as tf

_IDEOGRAPHS = (0x4E00, 0x9FD5)
_OTHER_WORD_CHARACTERS = "+#&._%-"

CARRIAGE_RETURN, LINE_FEED = map(ord, "\r\n")
POINT, PERCENT = map(ord, ".%")

LETTERS = 1 << 15
"""More than there are letters, the numbers of what words are made of; from 1 on."""

OTHER_LETTERS = tuple(range(LETTERS - 3, LETTERS))
"""Of what no word has in it: carriage return, line feed, all else."""

_ALPHANUMERIC = string.digits + string.ascii_letters
_FIRST_IDEOGRAPH = 128
"""The letter of the first ideograph; ASCII's are below."""


def _letters() -> np.ndarray:
    """Of all code points, the last one standing for all beyond; int64."""
    first, last = _IDEOGRAPHS
    letters = np.full(last + 2, OTHER_LETTERS[-1])
    letters[[CARRIAGE_RETURN, LINE_FEED]] = OTHER_LETTERS[:2]
    ascii_word = list(map(ord, _ALPHANUMERIC + _OTHER_WORD_CHARACTERS))
    letters[ascii_word] = np.arange(1, len(ascii_word) + 1)
    letters[first : last + 1] = np.arange(last + 1 - first) + _FIRST_IDEOGRAPH
    return letters


_LETTER_OF = _letters()
_LETTER_OF_CHARACTER = {
    chr(code): letter
    for code, letter in enumerate(_LETTER_OF.tolist())
    if letter not in OTHER_LETTERS
}


def letters_of(codes: tf.Tensor) -> tf.Tensor:
    """Code points, int32 or int64 [n], to letters, int64 [n]."""
    return tf.gather(tf.constant(_LETTER_OF), tf.minimum(codes, len(_LETTER_OF) - 1))


def letters_of_word(word: str) -> tuple[int, ...] | None:
    """The letters of a word; None if a character is in it that no block of jieba's has."""
    try:
        return tuple(_LETTER_OF_CHARACTER[character] for character in word)
    except KeyError:
        return None


def is_letter_of_words(letters: tf.Tensor) -> tf.Tensor:
    """What jieba's `re_han_default` matches: words are made of these alone."""
    return letters < OTHER_LETTERS[0]


def is_alphanumeric_letter(letters: tf.Tensor) -> tf.Tensor:
    """Whether it is one of a to z, A to Z and 0 to 9."""
    return letters <= len(_ALPHANUMERIC)


def is_ideograph(codes: tf.Tensor) -> tf.Tensor:
    """What jieba counts as Chinese: U+4E00 to U+9FD5; rarer ideographs are not among them."""
    first, last = _IDEOGRAPHS
    return (codes >= first) & (codes <= last)


def is_digit(codes: tf.Tensor) -> tf.Tensor:
    """Whether it is one of 0 to 9."""
    return (codes >= ord("0")) & (codes <= ord("9"))


def is_alphanumeric(codes: tf.Tensor) -> tf.Tensor:
    """Whether it is one of a to z, A to Z and 0 to 9."""
    return is_alphanumeric_letter(letters_of(codes))
