"""English: words and their stems."""

from __future__ import annotations

import tensorflow as tf

from trainer.text.english.stemmer import stem
from trainer.text.tokenizers.base import Tokenizer

_LETTERS = r"[\p{L}\p{M}\p{N}]+"
_WORD = f"{_LETTERS}(?:'+{_LETTERS})*"
"""An apostrophe belongs to a word only between two of its letters: it's, o'clock."""


class EnglishTokenizer(Tokenizer):
    """Runs of letters, digits and inner apostrophes; Snowball's English stems.

    With punctuation: also runs of signs.

    >>> from trainer.text.config import TextConfig
    >>> tokenizer = EnglishTokenizer(TextConfig())
    >>> tokenizer.split(tf.constant(["running shoes, size 9"])).to_list()
    [[b'running', b'shoes', b'size', b'9']]
    >>> tokenizer.stem(tf.constant(["running"])).numpy()
    array([b'run'], dtype=object)
    """

    cuts_at_spaces = True

    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """See base class."""
        texts = tf.strings.regex_replace(texts, "[\u2019\u02bc]", "'")
        if self._punctuation:
            texts = tf.strings.regex_replace(texts, r"[^\p{L}\p{M}\p{N}\p{P}\p{S}]+", " ")
            return tf.strings.split(tf.strings.regex_replace(texts, _WORD, r" \0 "))
        texts = tf.strings.regex_replace(texts, r"[^\p{L}\p{M}\p{N}']+", " ")
        texts = tf.strings.regex_replace(texts, r"(^|\s)'+", " ")
        return tf.strings.split(tf.strings.regex_replace(texts, r"'+(\s|$)", " "))

    def stem(self, tokens: tf.Tensor) -> tf.Tensor:
        """See base class."""
        if not self._punctuation:
            return stem(tokens)
        # To Snowball an apostrophe at the end is a possessive, of signs too.
        is_signs = tf.strings.regex_full_match(tokens, r"[\p{P}\p{S}]+")
        return tf.where(is_signs, tokens, stem(tokens))
