"""Tokenizers: how a text is cut into words in the graph, and which words count as one.

A tokenizer has two halves. `split` is made of TensorFlow operations and is exported with the
model, so training and serving cannot differ. `normalize` maps a token to the word it is counted
as (its stem); it is Python, runs once per distinct token when Transform builds the vocabulary,
and reaches the graph as a lookup table.

A new tokenizer is a subclass and a line in `TOKENIZERS`.
"""

from __future__ import annotations

import abc

import snowballstemmer
import tensorflow as tf

_SPACE = 0x20


class Tokenizer(abc.ABC):
    """Cuts texts into tokens and says which tokens are the same word."""

    @abc.abstractmethod
    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Cuts every text into tokens.

        Args:
          texts: string [n]; any bytes, also invalid UTF-8 and NUL bytes.

        Returns:
          string [n, (tokens)]; tokens are valid UTF-8, never empty, without white space.
        """

    @abc.abstractmethod
    def normalize(self, token: str) -> str:
        """Returns the word that `token` is counted as. Not thread-safe: one instance a thread."""


class EnglishTokenizer(Tokenizer):
    """Lower-cased runs of letters, digits and inner apostrophes; Snowball's English stems.

    >>> EnglishTokenizer().split(tf.constant(["Running SHOES, size 9"])).to_list()
    [[b'running', b'shoes', b'size', b'9']]
    >>> EnglishTokenizer().normalize("running")
    'run'
    """

    def __init__(self):
        self._stemmer = snowballstemmer.stemmer("english")

    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        texts = tf.strings.lower(_valid_utf8(texts), encoding="utf-8")
        texts = tf.strings.regex_replace(texts, "[\u2019\u02bc]", "'")
        texts = tf.strings.regex_replace(texts, r"[^\p{L}\p{M}\p{N}']+", " ")
        # An apostrophe belongs to a word only between two of its letters: it's, o'clock.
        texts = tf.strings.regex_replace(texts, r"(^|\s)'+|'+(\s|$)", " ")
        return tf.strings.split(texts)

    def normalize(self, token: str) -> str:
        return self._stemmer.stemWord(token)


class CharacterTokenizer(Tokenizer):
    """Every letter, ideograph or digit is a token, lower-cased; marks and punctuation are not.

    >>> CharacterTokenizer().split(tf.constant(["春曉 A1"])).to_list()[0][0].decode()
    '春'
    """

    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        texts = tf.strings.lower(_valid_utf8(texts), encoding="utf-8")
        texts = tf.strings.regex_replace(texts, r"[^\p{L}\p{N}]+", "")
        return tf.strings.unicode_split(texts, "UTF-8")

    def normalize(self, token: str) -> str:
        return token


TOKENIZERS: dict[str, type[Tokenizer]] = {
    "en": EnglishTokenizer,
    "characters": CharacterTokenizer,
}


def _valid_utf8(texts: tf.Tensor) -> tf.Tensor:
    """Replaces what is not UTF-8, and control characters (NUL), by spaces."""
    return tf.strings.unicode_transcode(
        texts,
        "UTF-8",
        "UTF-8",
        errors="replace",
        replacement_char=_SPACE,
        replace_control_characters=True,
    )
