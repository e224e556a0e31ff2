"""Tables of suffixes and what they are replaced by."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from trainer.text.english import letters
from trainer.text.english.words import Words


class Match(NamedTuple):
    """The rule of a table that fits each word.

    Attributes:
        suffix: Int64 [n]; letters of the suffix, 0 if no rule fits.
        replacement: Int64 [n, 3]; for `Words.replace_end`.
    """

    suffix: tf.Tensor
    replacement: tf.Tensor

    @property
    def found(self) -> tf.Tensor:
        """Bool [n]; whether a rule fits."""
        return self.suffix > 0

    def where(self, condition: tf.Tensor) -> tf.Tensor:
        """The replacement where the condition holds; elsewhere one that changes nothing."""
        return tf.where(condition[:, None], self.replacement, 0)


class Rules:
    """Suffixes and their replacements; of several that fit, the longest suffix counts.

    Args:
        replacements: Suffix to replacement. The suffix of `l|ogi` is `ogi`, but only behind an l.
        whole_words: Whether a rule is for a word as a whole, not for a suffix.

    Attributes:
        last_letters: Those that a word must end with one of for a rule to fit.
    """

    def __init__(self, replacements: dict[str, str], whole_words: bool = False):
        self.last_letters = {pattern[-1].lower() for pattern in replacements}
        rows = []
        for pattern, replacement in replacements.items():
            before, _, suffix = pattern.rpartition("|")
            stays = len(os.path.commonprefix([suffix, replacement]))  # noqa: RUF071 - of letters
            compared = letters.MAX_LETTERS if whole_words else len(before + suffix)
            rows.append(
                (
                    len(suffix),
                    len(suffix) - stays,
                    len(replacement) - stays,
                    letters.pack(replacement[stays:]),
                    letters.mask(compared),
                    letters.pack(before + suffix),
                )
            )
        # The last one that fits counts; the first one always does.
        table = np.array([(0,) * 6, *sorted(rows)])
        self._replacements, self._masks, self._suffixes = table[:, :4], table[:, 4], table[:, 5]

    def match(self, words: Words) -> Match:
        """Finds the rule for each word."""
        fits = tf.bitwise.bitwise_and(words.end[:, None], self._masks) == self._suffixes
        rule = tf.reduce_max(tf.where(fits, np.arange(len(self._masks)), 0), axis=1)
        row = tf.gather(tf.constant(self._replacements), rule)
        return Match(row[:, 0], row[:, 1:])
