"""Text without spaces, cut without a dictionary."""

from __future__ import annotations

import tensorflow as tf

from trainer.text.tokenizers.base import Tokenizer

_NO_WORD = r"[^\p{L}\p{N}]+"


class CharacterTokenizer(Tokenizer):
    """Every letter, ideograph or digit is a token; marks and punctuation are not.

    >>> from trainer.text.config import TextConfig
    >>> CharacterTokenizer(TextConfig()).split(tf.constant(["春曉 a1"])).to_list()[0][0].decode()
    '春'
    """

    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """See base class."""
        return tf.strings.unicode_split(tf.strings.regex_replace(texts, _NO_WORD, ""), "UTF-8")


class BigramTokenizer(Tokenizer):
    """Every two neighbouring letters, ideographs or digits; one that has no neighbour, alone.

    >>> from trainer.text.config import TextConfig
    >>> words = BigramTokenizer(TextConfig()).split(tf.constant(["春眠不 曉"])).to_list()[0]
    >>> [word.decode() for word in words]
    ['春眠', '眠不', '曉']
    """

    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """See base class."""
        runs = tf.strings.split(tf.strings.regex_replace(texts, _NO_WORD, " "))
        characters = tf.strings.unicode_split(runs.values, "UTF-8")
        bigrams = tf.strings.ngrams(characters, (2,), separator="", preserve_short_sequences=True)
        return runs.with_values(bigrams).merge_dims(1, 2)
