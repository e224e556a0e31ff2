"""Words that are left out."""

from __future__ import annotations

import unicodedata

import tensorflow as tf

from trainer.text.ragged import keep


class StopWords(tf.Module):
    """A list of words, in a table of the graph.

    Args:
        words: The words, at least one; duplicates count once.
    """

    def __init__(self, words: list[str]):
        super().__init__()
        words = sorted(set(words))
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(words, tf.string), tf.ones([len(words)], tf.int64)
            ),
            default_value=0,
        )

    def __call__(self, tokens: tf.RaggedTensor) -> tf.RaggedTensor:
        """String [n, (tokens)] to the same without the words."""
        return keep(tokens, self._table.lookup(tokens.values) == 0)


def read_stop_words(path: str) -> list[str]:
    """Reads a file of one word a line, UTF-8; white space around words and empty lines go.

    Raises:
        ValueError: If the file is not UTF-8 or has no words.
    """
    with tf.io.gfile.GFile(path, "rb") as file:
        content = file.read()
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"The stop words {path} are not UTF-8: {error}") from None
    # As the texts are, in which they are looked up.
    words = [unicodedata.normalize("NFC", word) for word in map(str.strip, lines) if word]
    if not words:
        raise ValueError(f"The file of stop words {path} has no words; leave the setting out.")
    return words
