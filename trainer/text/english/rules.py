"""Tables of suffixes and what they are replaced by."""

from __future__ import annotations

import os
from typing import NamedTuple

import tensorflow as tf

from trainer.text.english import letters
from trainer.text.english.words import Words


class Match(NamedTuple):
    """The rule of a table that fits each word.

    Attributes:
      suffix: int64 [n]; letters of the suffix, 0 if no rule fits.
      deleted, added, added_letters: int64 [n]; the replacement, for `Words.replace_end`.
    """

    suffix: tf.Tensor
    deleted: tf.Tensor
    added: tf.Tensor
    added_letters: tf.Tensor

    @property
    def found(self) -> tf.Tensor:
        """Bool [n]; whether a rule fits."""
        return self.suffix > 0

    def where(self, condition: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The replacement where the condition holds; elsewhere one that changes nothing."""
        return tuple(
            tf.where(condition, values, 0)
            for values in (self.deleted, self.added, self.added_letters)
        )


class Rules:
    """Suffixes and their replacements; of several that fit, the longest suffix counts.

    Args:
      replacements: suffix to replacement. The suffix of `l|ogi` is `ogi`, but only behind an l.
      whole_words: whether a rule is for a word as a whole, not for a suffix.
    """

    def __init__(self, replacements: dict[str, str], whole_words: bool = False):
        rows = []
        for pattern, replacement in replacements.items():
            before, _, suffix = pattern.rpartition("|")
            stays = len(os.path.commonprefix([suffix, replacement]))
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
        rows.sort(reverse=True)
        rows.append((0,) * 6)
        self._columns = tuple(zip(*rows, strict=True))

    def match(self, words: Words) -> Match:
        """Finds the rule for each word."""
        *replacements, masks, suffixes = (tf.constant(column, tf.int64) for column in self._columns)
        fits = tf.bitwise.bitwise_and(words.end[:, None], masks) == suffixes
        rule = tf.argmax(tf.cast(fits, tf.int32), axis=1)
        return Match(*(tf.gather(column, rule) for column in replacements))
