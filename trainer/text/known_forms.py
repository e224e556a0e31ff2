"""Frequent forms of words in a table, so that most texts are neither cut nor stemmed anew.

Transform writes it once, over all training data. Its file `known_forms` is an asset of the exported
model: one line a form as it stands in the texts, `form<TAB>word`; the word is empty where the form
has none, as a hyphen. The table holds what the operations would give, and so changes the speed
alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam

from trainer.text.apart import apart
from trainer.text.asset_table import SEPARATOR, AssetTable, by_frequency, write_asset
from trainer.text.forms import Forms
from trainer.text.ragged import keep, row_ids, rows_of_one
from trainer.text.texts_to_words import TextsToWords

KNOWN_FORMS_ASSET = "known_forms"

_UNKNOWN = "\n"
"""No word has white space in it."""

_LEAST = 2
"""A form that occurs once saves nobody time, and is the likeliest to tell of a person."""


class KnownForms:
    """The words of forms: looked up, or computed where a form is not in the table.

    To be made in a `preprocessing_fn`.

    Args:
        forms: Of the training data, without white space.
        words: String [u, (words)]; of each of these the words of the different forms.
        size: The number of forms that are kept, of those with at most one word.
        texts_to_words: What computes them.
    """

    def __init__(
        self,
        forms: Collection[Forms],
        words: Collection[tf.RaggedTensor],
        size: int,
        texts_to_words: TextsToWords,
    ):
        simple = [each.row_lengths() < 2 for each in words]
        columns = (
            [each.different for each in forms],
            [each.counts for each in forms],
            [tf.strings.reduce_join(each, axis=1) for each in words],
        )
        (path,) = tft.experimental.ptransform_analyzer(
            inputs=[
                tf.concat(list(map(tf.boolean_mask, column, simple)), axis=0) for column in columns
            ],
            ptransform=_MostFrequentForms(size),
            output_dtypes=[tf.string],
            output_shapes=[[]],
            # Until the analysis has run, the graph is traced with this as the file's contents.
            output_asset_default_values=[SEPARATOR.encode()],
            name=KNOWN_FORMS_ASSET,
        )
        self._table = AssetTable(path, tf.string, 1, _UNKNOWN)
        self._words_of = apart(
            lambda forms: _parts(texts_to_words(forms, known=self._known_words)),
            [tf.TensorSpec([None], tf.string)],
        )

    def __call__(self, forms: tf.Tensor) -> tf.RaggedTensor:
        """Forms, string [k], to their words, string [k, (words)]."""
        found = self._table(forms)
        unknown = tf.equal(found, _UNKNOWN)
        values, splits = tf.cond(
            tf.reduce_any(unknown),
            lambda: self._look_closer(forms, found, unknown),
            lambda: _parts(_at_most_one(found)),
        )
        return tf.RaggedTensor.from_row_splits(values, splits, validate=False)

    def _known_words(self, tokens: tf.Tensor) -> tf.Tensor:
        """The words of tokens that are forms too, string [k]; "" for others."""
        found = self._table(tokens)
        return tf.where(tf.equal(found, _UNKNOWN), "", found)

    def _look_closer(self, forms, found, unknown) -> tuple[tf.Tensor, tf.Tensor]:
        """The words of all forms, where some are not in the table; one after the other."""
        where = tf.where(unknown)
        values, splits = self._words_of(tf.gather_nd(forms, where))
        known = tf.cast(tf.not_equal(found, ""), tf.int64)
        lengths = tf.tensor_scatter_nd_update(known, where, splits[1:] - splits[:-1])
        # All that is known comes first, then all that had to be computed.
        is_known = tf.where(~unknown & (known > 0))
        computed = tf.gather(where[:, 0], row_ids(splits[1:] - splits[:-1]))
        rows = tf.concat([is_known[:, 0], computed], axis=0)
        order = tf.argsort(rows, stable=True)
        words = tf.concat([tf.gather_nd(found, is_known), values], axis=0)
        return tf.gather(words, order), tf.concat([[0], tf.cumsum(lengths)], axis=0)


def _at_most_one(words: tf.Tensor) -> tf.RaggedTensor:
    """Rows of one word each, string [n], of which the empty ones are none."""
    return keep(rows_of_one(words), tf.not_equal(words, ""))


def _parts(words: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
    return words.values, words.row_splits


class _MostFrequentForms(tft_beam.experimental.PTransformAnalyzer):
    """Batches of forms, counts and words to the path of the asset file."""

    def __init__(self, size: int):
        super().__init__()
        self._size = size

    def expand(self, batches):
        return (
            batches
            | "FormsOfBatch" >> beam.FlatMap(_forms)
            | "CountForms" >> beam.CombinePerKey(sum)
            | "Repeated" >> beam.Filter(lambda row: row[1] >= _LEAST)
            | "MostFrequentForms" >> beam.combiners.Top.Of(self._size, key=by_frequency)
            | "WriteForms" >> beam.Map(_write, self.base_temp_dir)
        )


def _forms(batch: tuple[np.ndarray, ...]) -> Iterable[tuple[tuple[bytes, bytes], int]]:
    forms, counts, words = (column.ravel().tolist() for column in batch)
    return [((form, word), count) for form, count, word in zip(forms, counts, words, strict=True)]


def _write(rows: Iterable[tuple[tuple[bytes, bytes], int]], folder: str) -> str:
    # TensorFlow cannot read an empty file: no form at all has no word.
    lines = [(b"", b""), *(row for row, _ in rows)]
    return write_asset((SEPARATOR.encode().join(line) for line in lines), folder, KNOWN_FORMS_ASSET)
