"""Phrases: two words that stand next to each other in a text, as one word of the vocabulary."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

SEPARATOR = " "
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
    return tf.strings.ngrams(words, 2, separator=SEPARATOR)


def parts_of_phrases(vocabulary: list[str]) -> np.ndarray:
    """Finds the two words of each phrase of a vocabulary.

    >>> parts_of_phrases(["red", "shoe", "red shoe"]).tolist()
    [[0, 0], [0, 0], [1, 2]]

    Args:
        vocabulary: Words and phrases; item n - 1 is word id n.

    Returns:
        Int64 [vocabulary_size, 2]: the word ids of a phrase's words; 0 for a word, and for a phrase
        that has an unknown one.
    """
    ids = {word: number for number, word in enumerate(vocabulary, start=1)}
    parts = np.zeros((len(vocabulary), 2), "int64")
    for row, entry in zip(parts, vocabulary, strict=True):
        words = [ids.get(word, 0) for word in entry.split(SEPARATOR)]
        if len(words) == 2 and all(words):
            row[:] = words
    return parts
