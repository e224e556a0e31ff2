"""English: words and their stems."""

from __future__ import annotations

import tensorflow as tf

from trainer.text.english.stemmer import stem
from trainer.text.tokenizers.base import Tokenizer


class EnglishTokenizer(Tokenizer):
    """Runs of letters, digits and inner apostrophes; Snowball's English stems.

    >>> from trainer.text.config import TextConfig
    >>> tokenizer = EnglishTokenizer(TextConfig())
    >>> tokenizer.split(tf.constant(["running shoes, size 9"])).to_list()
    [[b'running', b'shoes', b'size', b'9']]
    >>> tokenizer.stem(tf.constant(["running"])).numpy()
    array([b'run'], dtype=object)
    """

    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """See base class."""
        texts = tf.strings.regex_replace(texts, "[\u2019\u02bc]", "'")
        texts = tf.strings.regex_replace(texts, r"[^\p{L}\p{M}\p{N}']+", " ")
        # An apostrophe belongs to a word only between two of its letters: it's, o'clock.
        texts = tf.strings.regex_replace(texts, r"(^|\s)'+|'+(\s|$)", " ")
        return tf.strings.split(texts)

    def stem(self, tokens: tf.Tensor) -> tf.Tensor:
        """See base class."""
        return stem(tokens)
