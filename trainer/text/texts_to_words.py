"""Texts to words: what is normalised, cut, left out and stemmed."""

from __future__ import annotations

import functools
from collections.abc import Callable

import tensorflow as tf

from trainer.text.config import TextConfig
from trainer.text.normalization import normalize
from trainer.text.ragged import rows_of_one
from trainer.text.stop_words import StopWords, read_stop_words
from trainer.text.tokenizers import TOKENIZERS


class TextsToWords(tf.Module):
    """Normalises and cuts texts, leaves out stop words, stems.

    Args:
        config: How texts become word ids.
    """

    def __init__(self, config: TextConfig):
        super().__init__()
        self._normalize = functools.partial(
            normalize, half_width=config.half_width, lower_case=config.lower_case
        )
        self._tokenizer = TOKENIZERS[config.language](config)
        self._stem = config.stem
        self._stop_words = None
        if config.stop_words is not None:
            self._stop_words = StopWords(read_stop_words(config.stop_words))

    @property
    def cuts_at_spaces(self) -> bool:
        """Whether no word reaches over white space, and none depends on what is behind it."""
        return self._tokenizer.cuts_at_spaces

    def forms(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Cuts texts into parts whose words, one after the other, are those of the text.

        Args:
            texts: String [n]; any bytes.

        Returns:
            string [n, (forms)]: what stands between white space, or, where that would not do, the
            text itself.
        """
        if self.cuts_at_spaces:
            return tf.strings.split(texts)
        return rows_of_one(texts)

    def __call__(
        self, texts: tf.Tensor, known: Callable[[tf.Tensor], tf.Tensor] | None = None
    ) -> tf.RaggedTensor:
        """Texts, or forms, to words.

        Args:
            texts: String [n]; any bytes.
            known: Forms to the one word that each has, string [n], "" where that is not known; for
                those that are not to be stemmed again.

        Returns:
            string [n, (words)].
        """
        tokens = self._tokenizer.split(self._normalize(texts))
        if self._stop_words is not None:
            tokens = self._stop_words(tokens)
        if not self._stem:
            return tokens
        if known is None:
            return tokens.with_values(self._tokenizer.stem(tokens.values))
        # As a form a token is cut and normalised again, which leaves these as they are.
        plain = tf.strings.regex_full_match(tokens.values, "[a-z0-9']+")
        found = tf.where(plain, known(tokens.values), "")
        unknown = tf.where(tf.equal(found, ""), tokens.values, "")
        return tokens.with_values(tf.strings.join([found, self._tokenizer.stem(unknown)]))
