"""Phrases: two words that stand next to each other in a text, as one word of the vocabulary."""

from __future__ import annotations

import tensorflow as tf

_SEPARATOR = " "
"""No tokenizer's words have white space in them, so that no word can be taken for a phrase."""


def phrases(words: tf.RaggedTensor) -> tf.RaggedTensor:
    """Joins every two neighbouring words.

    Args:
        words: String RaggedTensor [n, (words)].

    Returns:
        string RaggedTensor [n, (phrases)]; in each row one less than there are words, or none.

    Example:
        >>> phrases(tf.ragged.constant([["red", "run", "shoe"], ["run"]])).to_list()
        [[b'red run', b'run shoe'], []]
    """
    return tf.strings.ngrams(words, 2, separator=_SEPARATOR)
