"""Text without spaces, cut without a dictionary."""

from __future__ import annotations

import tensorflow as tf

from trainer.text.tokenizers.base import Tokenizer

_SIGN = r"[\p{P}\p{S}]"


def _only_tokens(texts: tf.Tensor, punctuation: bool, between: str) -> tf.Tensor:
    """Texts with `between` for what is neither a letter nor a digit nor, on demand, a sign."""
    others = r"[^\p{L}\p{N}\p{P}\p{S}]+" if punctuation else r"[^\p{L}\p{N}]+"
    return tf.strings.regex_replace(texts, others, between)


class CharacterTokenizer(Tokenizer):
    """Every letter, ideograph or digit is a token; marks are not; signs are with punctuation.

    >>> from trainer.text.config import TextConfig
    >>> CharacterTokenizer(TextConfig()).split(tf.constant(["春曉 a1"])).to_list()[0][0].decode()
    '春'
    """

    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """See base class."""
        return tf.strings.unicode_split(_only_tokens(texts, self._punctuation, ""), "UTF-8")


class BigramTokenizer(Tokenizer):
    """Every two neighbouring letters, ideographs or digits; one that has no neighbour, alone.

    With punctuation: also every sign, alone.

    >>> from trainer.text.config import TextConfig
    >>> words = BigramTokenizer(TextConfig()).split(tf.constant(["春眠不 曉"])).to_list()[0]
    >>> [word.decode() for word in words]
    ['春眠', '眠不', '曉']
    """

    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """See base class."""
        texts = _only_tokens(texts, self._punctuation, " ")
        if self._punctuation:
            texts = tf.strings.regex_replace(texts, _SIGN, r" \0 ")
        runs = tf.strings.split(texts)
        characters = tf.strings.unicode_split(runs.values, "UTF-8")
        bigrams = tf.strings.ngrams(characters, (2,), separator="", preserve_short_sequences=True)
        return runs.with_values(bigrams).merge_dims(1, 2)
