"""A batch of words on its way to the stems, and the regions that Snowball's steps ask for."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from trainer.text.english import letters
from trainer.text.ragged import row_ids
from trainer.text.runs import Runs, previous

_NOWHERE = 1 << 40
"""A position beyond the end of every word."""


class Words(NamedTuple):
    """Words of which the end has been replaced.

    Attributes:
        packed: Int64 [letters]; at every letter of the batch, the 12 letters of its word up to it.
        starts: Int64 [n]; where in `packed` each word begins.
        kept: Int64 [n]; so many letters are still the word's own.
        added: Int64 [n]; so many letters come behind them, at most 2.
        added_letters: Int64 [n]; those, packed.
        end: Int64 [n]; the last 12 letters, packed.
        first_vowel: Int64 [n]; its position in the word, beyond the end if there is none.
        r1: Int64 [n]; where the region R1 begins, beyond the end if nowhere.
        r2: Int64 [n]; where the region R2 begins.
    """

    packed: tf.Tensor
    starts: tf.Tensor
    kept: tf.Tensor
    added: tf.Tensor
    added_letters: tf.Tensor
    end: tf.Tensor
    first_vowel: tf.Tensor
    r1: tf.Tensor
    r2: tf.Tensor

    @property
    def lengths(self) -> tf.Tensor:
        """Int64 [n]; in letters."""
        return self.kept + self.added

    def letter(self, place: int) -> tf.Tensor:
        """Int64 [n]; the last (0), last but one (1), ... letter; 0 before the word."""
        return tf.bitwise.bitwise_and(letters.shift_right(self.end, place), letters.LETTER)

    def replace_end(self, replacement: tf.Tensor) -> Words:
        """Deletes last letters and adds others.

        Args:
            replacement: Int64 [n, 3]; how many letters go, how many come (at most 2), and those,
                packed.

        Returns:
            The changed words. The regions stay where they are.
        """
        deleted, added, added_letters = tf.unstack(replacement, axis=1)
        of_added = tf.minimum(deleted, self.added)
        kept = self.kept - deleted + of_added
        added_letters += letters.shift_left(
            letters.shift_right(self.added_letters, of_added), added
        )
        added += self.added - of_added
        own = tf.gather(self.packed, tf.maximum(self.starts + kept - 1, 0))
        end = letters.shift_left(tf.where(kept > 0, own, 0), added) + added_letters
        return self._replace(kept=kept, added=added, added_letters=added_letters, end=end)


def read_words(words: tf.Tensor, prefixes: tuple[str, ...]) -> Words:
    """Reads words, marks the y that are consonants, and finds the regions.

    R1 begins behind the first consonant that follows a vowel, R2 behind the next such one.

    Args:
        words: String [n]; UTF-8, lower-case.
        prefixes: Beginnings of words right behind which R1 begins, of at most 12 letters.

    Returns:
        The words, without the apostrophe that a word may begin with.
    """
    characters = tf.strings.unicode_decode(words, "UTF-8")
    word = row_ids(characters.row_lengths())
    apostrophe = tf.cast(tf.strings.substr(words, 0, 1) == "'", tf.int64)
    starts = characters.row_starts() + apostrophe
    position = tf.range(tf.size(word, tf.int64)) - tf.gather(starts, word)
    first = position <= 0
    number = _mark_y(letters.numbers(characters.values), first)
    vowel = tf.gather(letters.VOWEL, number)

    def first_in_word(positions, where):
        positions = tf.where(where, positions, _NOWHERE)
        found = tf.math.unsorted_segment_min(positions, word, tf.size(words))
        return tf.minimum(found, _NOWHERE)

    kept = characters.row_lengths() - apostrophe
    # One more, so that there is something to look up where there is no letter at all.
    packed = tf.pad(_pack(number, position), [[0, 1]])
    prefix = _prefix_lengths(packed, starts, kept, prefixes)
    behind_syllable = ~vowel & previous(vowel) & ~first
    r1 = tf.where(prefix > 0, prefix, first_in_word(position + 1, behind_syllable))
    in_r1 = position > tf.gather(r1, word)
    none = tf.zeros_like(kept)
    return Words(
        packed=packed,
        starts=starts,
        kept=kept,
        added=none,
        added_letters=none,
        end=none,
        first_vowel=first_in_word(position, vowel),
        r1=r1,
        r2=first_in_word(position + 1, behind_syllable & in_r1),
    ).replace_end(tf.stack([none] * 3, axis=1))


def _mark_y(number: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
    """Marks every y that begins a word or follows a vowel, where a marked y is no vowel.

    So of several y in a row every second one is marked.
    """
    y = number == letters.Y
    after_vowel = previous(tf.gather(letters.VOWEL, number) & ~y)
    rows = Runs.of(y, first)
    from_first = rows.spread(tf.gather(first | after_vowel, rows.starts))
    even = (tf.range(rows.size) - rows.spread(rows.starts)) % 2 == 0
    return tf.where(y & (even == from_first), tf.constant(letters.MARKED_Y, tf.int64), number)


def _pack(number: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
    """The twelve letters up to each: two, four, eight from halves, twelve from eight and four."""

    def join(packed, before, count):
        before = tf.pad(before, [[count, 0]])[: tf.size(packed)]
        return packed + letters.shift_left(tf.where(position >= count, before, 0), count)

    two = join(number, number, 1)
    four = join(two, two, 2)
    return join(join(four, four, 4), four, 8)


def _prefix_lengths(packed, starts, lengths, prefixes) -> tf.Tensor:
    """The length of the prefix that each word begins with, int64 [n]; 0 for none."""
    sizes = tf.constant([len(prefix) for prefix in prefixes], tf.int64)
    codes = tf.constant([letters.pack(prefix) for prefix in prefixes], tf.int64)
    last = tf.minimum(starts[:, None] + sizes - 1, tf.size(packed, tf.int64) - 1)
    fits = (tf.gather(packed, last) == codes) & (lengths[:, None] >= sizes)
    return tf.reduce_max(tf.where(fits, sizes, 0), axis=1)
