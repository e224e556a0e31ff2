"""The `preprocessing_fn` of the Transform component: raw texts to word ids, in the graph."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from contract.features import HISTORY, HISTORY_TIMESTAMPS, TARGET, TARGET_TIMESTAMPS
from trainer.text.config import AUTO, AUTO_OF_ALL, TextConfig
from trainer.text.normalization import normalize
from trainer.text.phrases import phrases
from trainer.text.ragged import keep
from trainer.text.stop_words import StopWords, read_stop_words
from trainer.text.tokenizers import TOKENIZERS
from trainer.text.vocabulary import WordIds

_QUANTILE_BUCKETS = 20
"""95 % is the last of the 19 boundaries between 20 equal buckets."""


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Normalises, cuts, stems, numbers and truncates the texts of history and target.

    Unknown words are dropped, then behaviours without any known word. What is too long is
    truncated: a behaviour keeps its first |x| words, a history its last |S| behaviours, a target
    its first |S| (those next to the history) or, with `target_behaviors: all`, all.

    With `ngrams: 2` a behaviour's words are followed by its first |x| known phrases, of words that
    are neighbours in the text: what truncation or the vocabulary drops brings none together.

    Args:
        inputs: `history` and `target`: string SparseTensor [batch, behaviours], oldest first; with
            the channel of time `history_timestamps` and `target_timestamps`, int64 of that shape.
        custom_config: `text`: a `TextConfig` as a dict.

    Returns:
        `history` and `target`: int64 RaggedTensor [batch, (behaviours), (words)] of word ids from
        1. Each depends on its own input only, so that a served model feeds `history` alone. The
        moments, if they are there, int64 RaggedTensor [batch, (behaviours)]: of all behaviours that
        came in.
    """
    config = TextConfig.model_validate(custom_config["text"])
    texts_to_words = tft.make_and_track_object(lambda: TextsToWords(config), name="text")
    words = {name: texts_to_words(inputs[name]) for name in (HISTORY, TARGET)}
    both = tf.concat([words[HISTORY].values, words[TARGET].values], axis=0)

    counted = [kind.values for kind in _kinds(both, config.ngrams)]
    word_ids = WordIds(tf.concat(counted, axis=0), config.vocabulary_size)
    # Of words alone: |x| is what the paper's is, with phrases or without.
    max_words = _length(config.max_words, both.row_lengths())
    behaviors = words[HISTORY].row_lengths()
    if config.max_behaviors == AUTO_OF_ALL:
        behaviors += words[TARGET].row_lengths()
    max_behaviors = _length(config.max_behaviors, behaviors)

    def to_ids(texts: tf.RaggedTensor) -> tf.RaggedTensor:
        kinds = _kinds(texts.values, config.ngrams)
        ids = tf.concat([_lookup(word_ids, kind, max_words) for kind in kinds], axis=1)
        return keep(texts.with_values(ids), ids.row_lengths() > 0)

    moments = {
        name: tf.RaggedTensor.from_sparse(inputs[name])
        for name in (HISTORY_TIMESTAMPS, TARGET_TIMESTAMPS)
        if name in inputs
    }
    target = to_ids(words[TARGET])
    return {
        HISTORY: to_ids(words[HISTORY])[:, -max_behaviors:],
        TARGET: target if config.target_behaviors == "all" else target[:, :max_behaviors],
        **moments,
    }


class TextsToWords(tf.Module):
    """Normalises and cuts texts, leaves out stop words, stems."""

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

    def __call__(self, texts: tf.SparseTensor) -> tf.RaggedTensor:
        """String [batch, behaviours] to string [batch, (behaviours), (words)]."""
        texts = tf.RaggedTensor.from_sparse(texts)
        tokens = self._tokenizer.split(self._normalize(texts.values))
        if self._stop_words is not None:
            tokens = self._stop_words(tokens)
        if self._stem:
            tokens = tokens.with_values(self._tokenizer.stem(tokens.values))
        return texts.with_values(tokens)


def _kinds(words: tf.RaggedTensor, ngrams: int) -> list[tf.RaggedTensor]:
    """The words of each behaviour and, with `ngrams` of 2, its phrases; string [n, (words)]."""
    return [words, phrases(words)] if ngrams == 2 else [words]


def _lookup(word_ids: WordIds, words: tf.RaggedTensor, limit: tf.Tensor) -> tf.RaggedTensor:
    """The ids of each row's known words, the first `limit` of them; int64 [n, (words)]."""
    ids = words.with_values(word_ids(words.values))
    return keep(ids, ids.values > 0)[:, :limit]


def _length(setting: int | str, lengths: tf.Tensor) -> tf.Tensor:
    """A truncation length: the number that is set, or the quantile of `lengths` (int64 [n])."""
    if setting not in (AUTO, AUTO_OF_ALL):
        return tf.constant(setting, tf.int64)
    quantiles = tft.quantiles(lengths, num_buckets=_QUANTILE_BUCKETS, epsilon=0.001)
    return tf.maximum(tf.cast(tf.reshape(quantiles, [-1])[-1], tf.int64), 1)
