"""Texts as the forms that stand in them, each of which is looked at once."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from trainer.text.ragged import gather_rows, joined
from trainer.text.texts_to_words import TextsToWords


class Forms(NamedTuple):
    """The different forms of a batch of texts, and where they stand.

    Attributes:
        texts: RaggedTensor [n, (forms)]; the forms of each text.
        different: String [u]; each of them once.
        index: Int64 [forms]; which of those stands where.
        counts: Int64 [u]; how often each does.
    """

    texts: tf.RaggedTensor
    different: tf.Tensor
    index: tf.Tensor
    counts: tf.Tensor

    @classmethod
    def of(cls, texts_to_words: TextsToWords, texts: tf.Tensor) -> Forms:
        """Cuts texts, string [n], into forms."""
        forms = texts_to_words.forms(texts)
        return cls(forms, *tf.unique_with_counts(forms.values, out_idx=tf.int64))

    def of_texts(self, values: tf.RaggedTensor) -> tf.RaggedTensor:
        """What all forms of each text have, [n, (values)], from what each has, [u, (values)]."""
        return joined(self.texts, gather_rows(values, self.index))
