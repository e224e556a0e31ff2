"""Few characters, as a query alone has them: cut in as few operations as can be.

What a query costs are operations rather than arithmetic. So there are no runs and blocks here, and
hardly a loop: each text ends with a letter that no word has, every character looks at a window of
characters, and what is a matrix of all characters by all characters may be one.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from trainer.text.apart import apart
from trainer.text.chinese import characters
from trainer.text.chinese.rounds import until_unchanged
from trainer.text.chinese.trie import DIRECT, LINE_BREAK, NO_WORD, OUTSIDE, UNKNOWN, Trie
from trainer.text.chinese.unknown_words import UnknownWords

_END = "\0"
"""Behind every text."""

_ROUNDS = 10
"""More than most queries have words."""


class ShortTexts(tf.Module):
    """Cuts as `Segmenter` does; memory is of the square of the characters.

    Args:
        trie: The dictionary.
        log_probabilities: Of its entries.
        unknown_words: What cuts single characters anew; None: nothing does.
    """

    def __init__(
        self,
        trie: Trie,
        log_probabilities: Sequence[float],
        unknown_words: UnknownWords | None,
    ):
        super().__init__()
        self._trie = trie
        self._log_probabilities = log_probabilities
        self._unknown_words = unknown_words

    def cut(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Cuts texts.

        Args:
            texts: String [n]; UTF-8.

        Returns:
            Their words, one after the other, string [words], and where those of each text begin
            and end, int64 [n + 1].
        """
        ended = tf.strings.join([texts, _END])
        decoded = tf.strings.unicode_decode(ended, "UTF-8", errors="replace")
        codes, text_splits = decoded.values, decoded.row_splits
        letters = characters.letters_of(codes)
        count = tf.size(codes, tf.int64)
        positions = tf.range(count)

        # Each character, and those behind it; behind the last one there is the last one.
        windows = _windows(positions, tf.constant(DIRECT + 1, tf.int64), count)
        values, entries = self._trie.words_in_windows(tf.gather(letters, windows))
        entries, windows = tf.cond(
            self._trie.go_on(values),
            lambda: self._longer(letters, values, entries, positions, count),
            lambda: (_with_unknown(entries), windows),
        )
        lengths = _best_lengths(entries, windows, self._log_probabilities)
        starts = _reached(positions, positions + lengths, count)
        starts = self._joined(codes, letters, entries, starts, lengths)
        return _words(codes, starts, text_splits, count)

    @apart
    def _longer(self, letters, values, entries, positions, count) -> tuple[tf.Tensor, tf.Tensor]:
        """Entries and windows as wide as the longest word."""
        longer = _with_unknown(self._trie.longer(letters, values, entries))
        return longer, _windows(positions, tf.shape(longer, tf.int64)[1], count)

    def _joined(self, codes, letters, entries, starts, lengths) -> tf.Tensor:
        """Where words begin, once single characters are joined; no run of them leaves its text."""
        single = starts & (lengths == 1)
        if self._unknown_words is None:
            single &= characters.is_alphanumeric_letter(letters)
            behind = single[1:] & single[:-1]
            return starts & ~tf.concat([[False], behind], axis=0)
        single &= characters.is_letter_of_words(letters)
        return tf.cond(
            tf.reduce_any(single[1:] & single[:-1]),
            lambda: self._unknown_words.cut(
                tf.cast(codes, tf.int64), entries[:, 1:], single, tf.zeros_like(single), starts
            ),
            lambda: starts,
        )


def _windows(positions: tf.Tensor, width: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """The positions 0, 1, ..., `width` - 1 characters on, int64 [n, width]; at most the last."""
    return tf.minimum(positions[:, None] + tf.range(width), count - 1)


def _with_unknown(entries: tf.Tensor) -> tf.Tensor:
    """Has a character where no word begins stand for itself; entries of 0, 1, ... characters."""
    alone = tf.reduce_max(entries, axis=1, keepdims=True) < OUTSIDE
    width = tf.shape(entries)[1] if entries.shape[1] is None else entries.shape[1]
    unknown = tf.one_hot(1, width, on_value=UNKNOWN, off_value=NO_WORD, dtype=tf.int64)
    return tf.where(alone, unknown, entries)


def _best_lengths(
    entries: tf.Tensor, windows: tf.Tensor, log_probabilities: Sequence[float]
) -> tf.Tensor:
    """As `route.best_lengths`: the length of the word that the best route begins with, [n].

    The scores of all characters are made anew from the last ones until none changes. There is one
    such set of scores alone, and as many rounds lead to it as the longest route has words: more
    arithmetic than step by step from the right, but fewer operations. The sums are the same.

    Args:
        entries: Int64 [n, width]; of the words of 0, 1, ... characters.
        windows: Int64 [n, width]; what follows them.
        log_probabilities: Of the entries. Outside of blocks the word of no character has 0 and goes
            on where it is, so that what follows a block stays 0.
    """
    scores = tf.gather(tf.constant(log_probabilities, tf.float64), entries)
    before = best = scores[:, 0]
    for _ in range(_ROUNDS):
        before, routes = best, scores + tf.gather(best, windows)
        best = tf.reduce_max(routes, axis=1)
    routes = tf.cond(
        tf.reduce_any(best != before), lambda: _further(scores, windows, best), lambda: routes
    )
    # Of equally probable words the longest wins.
    chosen = (routes == tf.reduce_max(routes, axis=1, keepdims=True)) | (entries == LINE_BREAK)
    lengths = tf.cast(chosen, tf.int64) * tf.range(tf.shape(entries, tf.int64)[1])
    return tf.maximum(tf.reduce_max(lengths, axis=1), 1)


@apart
def _further(scores: tf.Tensor, windows: tf.Tensor, best: tf.Tensor) -> tf.Tensor:
    """The scores of all words with the best routes behind them, where those are long."""
    best = until_unchanged(
        lambda best: tf.reduce_max(scores + tf.gather(best, windows), axis=1), best, _ROUNDS
    )
    return scores + tf.gather(best, windows)


def _reached(positions: tf.Tensor, successors: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Marks where one gets to from the first character, bool [n].

    In how many ways, r, is a system of equations: 1 for the first, and for any other the sum of r
    over what leads there. Successors lie further on, so that the matrix is triangular; all numbers
    are 0 or 1, and exact.
    """
    size = tf.cast(count, tf.int32)
    leads_to = tf.one_hot(successors, size, axis=0)
    ways = tf.linalg.triangular_solve(
        tf.one_hot(positions, size) - leads_to, tf.one_hot([0], size, axis=0)
    )
    return tf.reshape(ways, [-1]) > 0


def _words(codes, starts, text_splits, count) -> tuple[tf.Tensor, tf.Tensor]:
    """Words and their splits, without what was put behind the texts."""
    first = tf.where(starts)[:, 0]
    words = tf.strings.unicode_encode(
        tf.RaggedTensor.from_row_splits(
            codes, tf.concat([first, count[None]], axis=0), validate=False
        ),
        "UTF-8",
    )
    so_far = tf.cumsum(tf.cast(starts, tf.int64))
    # The last word of each text is its end.
    ends = tf.gather(so_far, text_splits[1:] - 1)
    kept = tf.raw_ops.RaggedRange(
        starts=tf.concat([[0], ends], axis=0)[:-1],
        limits=ends - 1,
        deltas=tf.constant(1, tf.int64),
    )
    return tf.gather(words, kept.rt_dense_values), kept.rt_nested_splits
