"""The vocabulary analyzer: which words there are, over the whole training data.

Transform runs it once, over Beam. Its file `vocabulary` is an asset of the exported model: one
line a word (stem), `word<TAB>count`; line n (from 1) is word id n. Word id 0 is padding.
"""

from __future__ import annotations

import collections
import os
from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam

from contract.errors import UserError
from trainer.text.asset_table import SEPARATOR, AssetTable, by_frequency, write_asset

VOCABULARY_ASSET = "vocabulary"


class NoWordsError(UserError):
    """The texts have no words, so that there is nothing to learn from."""


class WordIds:
    """Counts the words of the training data and maps words to word ids.

    To be made in a `preprocessing_fn`. A word's id is its rank by frequency, from 1; among
    equally frequent words the alphabet decides, so that the ids depend on the data alone.

    Args:
        words: String [n]; all words (stems), and phrases, of the training data.
        vocabulary_size: |V|, the number of them that are kept.
        asset: Name of the file.
    """

    def __init__(self, words: tf.Tensor, vocabulary_size: int, asset: str = VOCABULARY_ASSET):
        (path,) = tft.experimental.ptransform_analyzer(
            inputs=[words],
            ptransform=_Vocabulary(vocabulary_size, asset),
            output_dtypes=[tf.string],
            output_shapes=[[]],
            # Until the analysis has run, the graph is traced with this as the file's contents.
            output_asset_default_values=[f"word{SEPARATOR}0".encode()],
            name="word_ids" if asset == VOCABULARY_ASSET else f"{asset}_ids",
        )
        self._table = AssetTable(path, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER, -1)

    def __call__(self, words: tf.Tensor) -> tf.Tensor:
        """String [n] to int64 [n]: 1..vocabulary_size, or 0 for a word that is not known."""
        return self._table(words) + 1


def read_vocabulary(transform_output: tft.TFTransformOutput) -> list[tuple[str, int]]:
    """Reads the words and their counts of an analysed graph; item n - 1 is word id n."""
    path = os.path.join(transform_output.transform_savedmodel_dir, "assets", VOCABULARY_ASSET)
    with tf.io.gfile.GFile(path) as file:
        rows = (line.rstrip("\n").split(SEPARATOR) for line in file)
        return [(word, int(count)) for word, count in rows]


class _Vocabulary(tft_beam.experimental.PTransformAnalyzer):
    """Batches of words to the path of the asset file."""

    def __init__(self, vocabulary_size: int, asset: str):
        super().__init__()
        self._vocabulary_size = vocabulary_size
        self._asset = asset

    def expand(self, batches):
        return (
            batches
            | "CountInBatch" >> beam.FlatMap(_count_words)
            | "CountWords" >> beam.CombinePerKey(sum)
            | "MostFrequent" >> beam.combiners.Top.Of(self._vocabulary_size, key=by_frequency)
            | "Write" >> beam.Map(_write, self.base_temp_dir, self._asset)
        )


def _count_words(batch: tuple[np.ndarray, ...]) -> Iterable[tuple[str, int]]:
    counts = collections.Counter(batch[0].ravel().tolist())
    return [(word.decode("utf-8"), count) for word, count in counts.items()]


def _write(rows: Iterable[tuple[str, int]], folder: str, asset: str) -> str:
    rows = list(rows)
    if not rows:
        raise NoWordsError(
            "The texts of the training users have not a single word, only signs such as emoji or "
            "punctuation. See that `data.columns.text` names the column of the texts, that "
            "`text.language` is theirs, and that `text.stop_words` leaves words; or set "
            "`text.punctuation: true`, which makes words of the signs."
            if asset == VOCABULARY_ASSET
            else f"No event of the training users has one of the {asset}. See that `data.columns` "
            "names their column, or take the channel out of `data.channels`."
        )
    lines = (f"{word}{SEPARATOR}{count}".encode() for word, count in rows)
    return write_asset(lines, folder, asset)
