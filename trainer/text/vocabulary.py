"""The vocabulary analyzer: which raw tokens are which word, over the whole training data.

Transform runs it once, over Beam; its two files are assets of the exported model:

- `tokens`: one line a raw token, `token<TAB>word id`; the lookup table of the graph.
- `vocabulary`: one line a word (stem), `word<TAB>count`; line n (from 1) is word id n. Word id 0
  is padding.
"""

from __future__ import annotations

import collections
import contextlib
import os
import uuid
from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.io.filesystems import FileSystems

from trainer.text.tokenizers import TOKENIZERS

VOCABULARY_ASSET = "vocabulary"
_TOKENS_ASSET = "tokens"
_SEPARATOR = "\t"


class WordIds:
    """Counts the words of the training data and maps raw tokens to word ids.

    To be made in a `preprocessing_fn`. A word's id is its rank by frequency, from 1; among
    equally frequent words the alphabet decides, so that the ids depend on the data alone.

    Args:
      tokens: string [n]; all raw tokens of the training data, as `Tokenizer.split` gives them.
      language: key of `TOKENIZERS`; its `normalize` merges tokens to words.
      vocabulary_size: |V|, the number of words that are kept.
    """

    def __init__(self, tokens: tf.Tensor, language: str, vocabulary_size: int):
        self._tokens_path, _ = tft.experimental.ptransform_analyzer(
            inputs=[tokens],
            ptransform=_Vocabulary(language, vocabulary_size),
            output_dtypes=[tf.string, tf.string],
            output_shapes=[[], []],
            # Until the analysis has run, the graph is traced with these as the files' contents.
            output_asset_default_values=[f"token{_SEPARATOR}0".encode(), b"token"],
            name="word_ids",
        )
        self._table = None

    def __call__(self, tokens: tf.Tensor) -> tf.Tensor:
        """String [n] to int64 [n]: 1..vocabulary_size, or 0 for a token that is not known."""
        return tft.apply_vocabulary(tokens, self._tokens_path, lookup_fn=self._lookup)

    def _lookup(self, tokens, path):
        if self._table is None:
            # Lifted out of the traced function, the table is made and filled once per model.
            with tf.init_scope() if hasattr(path, "numpy") else contextlib.nullcontext():
                self._table = tf.lookup.StaticHashTable(
                    tf.lookup.TextFileInitializer(
                        path,
                        key_dtype=tf.string,
                        key_index=0,
                        value_dtype=tf.int64,
                        value_index=1,
                        delimiter=_SEPARATOR,
                    ),
                    default_value=0,
                )
        return self._table.lookup(tokens), self._table.size()


def read_vocabulary(transform_output: tft.TFTransformOutput) -> list[tuple[str, int]]:
    """Reads the words and their counts of an analysed graph; item n - 1 is word id n."""
    path = os.path.join(transform_output.transform_savedmodel_dir, "assets", VOCABULARY_ASSET)
    with tf.io.gfile.GFile(path) as file:
        rows = (line.rstrip("\n").split(_SEPARATOR) for line in file)
        return [(word, int(count)) for word, count in rows]


class _Vocabulary(tft_beam.experimental.PTransformAnalyzer):
    """Batches of raw tokens to the paths of the two asset files."""

    def __init__(self, language: str, vocabulary_size: int):
        super().__init__()
        self._language = language
        self._vocabulary_size = vocabulary_size

    def expand(self, batches):
        token_counts = (
            batches
            | "CountInBatch" >> beam.FlatMap(_count_tokens)
            | "CountTokens" >> beam.CombinePerKey(sum)
            | "Normalize" >> beam.ParDo(_Normalize(self._language))
        )
        word_counts = (
            token_counts
            | "Words" >> beam.MapTuple(lambda token, word, count: (word, count))
            | "CountWords" >> beam.CombinePerKey(sum)
            | "MostFrequent" >> beam.combiners.Top.Of(self._vocabulary_size, key=_by_frequency)
        )
        ids = word_counts | "Ids" >> beam.Map(
            lambda rows: {word: number for number, (word, _) in enumerate(rows, start=1)}
        )
        token_ids = (
            token_counts
            | "KnownTokens" >> beam.FlatMap(_known_token, beam.pvalue.AsSingleton(ids))
            | "Gather" >> beam.combiners.ToList()
        )
        tokens_path = token_ids | "WriteTokens" >> beam.Map(
            lambda rows, folder: _write(folder, _TOKENS_ASSET, sorted(rows)), self.base_temp_dir
        )
        vocabulary_path = word_counts | "WriteVocabulary" >> beam.Map(
            lambda rows, folder: _write(folder, VOCABULARY_ASSET, rows), self.base_temp_dir
        )
        return tokens_path, vocabulary_path


class _Normalize(beam.DoFn):
    """(token, count) to (token, word, count)."""

    def __init__(self, language: str):
        self._language = language

    def setup(self):
        self._tokenizer = TOKENIZERS[self._language]()

    def process(self, row):
        token, count = row
        yield token, self._tokenizer.normalize(token), count


def _count_tokens(batch: tuple[np.ndarray, ...]) -> Iterable[tuple[str, int]]:
    counts = collections.Counter(batch[0].ravel().tolist())
    return [(token.decode("utf-8"), count) for token, count in counts.items()]


class _by_frequency:  # noqa: N801 - used as a key function
    """Orders (word, count): greatest is the most frequent, then the alphabetically first."""

    def __init__(self, row: tuple[str, int]):
        self._word, self._count = row

    def __lt__(self, other: _by_frequency) -> bool:
        return (self._count, other._word) < (other._count, self._word)


def _known_token(row, ids: dict[str, int]) -> Iterable[tuple[str, int]]:
    token, word, _ = row
    if word in ids:
        yield token, ids[word]


def _write(folder: str, name: str, rows: Iterable[tuple[str, int]]) -> str:
    # A folder of its own per attempt keeps the asset's name and lets Beam retry.
    path = os.path.join(folder, uuid.uuid4().hex, name)
    with FileSystems.create(path, "application/octet-stream") as file:
        for key, value in rows:
            file.write(f"{key}{_SEPARATOR}{value}\n".encode())
    return path
