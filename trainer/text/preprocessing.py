"""The `preprocessing_fn` of the Transform component: raw texts to word ids, in the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from contract.features import HISTORY, HISTORY_TIMESTAMPS, TARGET, TARGET_TIMESTAMPS
from trainer.text.config import AUTO, AUTO_OF_ALL, TextConfig
from trainer.text.known_forms import KnownForms
from trainer.text.phrases import phrases
from trainer.text.ragged import first, gather_rows, keep, last, row_splits
from trainer.text.texts_to_words import TextsToWords
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
    forms = {name: texts_to_words.forms(inputs[name].values) for name in (HISTORY, TARGET)}

    all_forms = tf.concat([forms[HISTORY], forms[TARGET]], axis=0)
    unique, index, counts = tf.unique_with_counts(all_forms.values, out_idx=tf.int64)
    unique_words = texts_to_words(unique)
    words_of = texts_to_words
    if config.known_forms and texts_to_words.cuts_at_spaces:
        words_of = KnownForms(unique, counts, unique_words, config.known_forms, texts_to_words)

    words = _of_texts(all_forms, unique_words, index)
    counted = [kind.values for kind in _kinds(words, config.ngrams)]
    word_ids = WordIds(tf.concat(counted, axis=0), config.vocabulary_size)
    # Of words alone: |x| is what the paper's is, with phrases or without.
    max_words = _length(config.max_words, words.row_lengths())
    splits = {name: _users(inputs[name]) for name in (HISTORY, TARGET)}
    behaviors = splits[HISTORY][1:] - splits[HISTORY][:-1]
    if config.max_behaviors == AUTO_OF_ALL:
        behaviors += splits[TARGET][1:] - splits[TARGET][:-1]
    max_behaviors = _length(config.max_behaviors, behaviors)

    def to_ids(name: str) -> tf.RaggedTensor:
        ids = _to_ids(forms[name], words_of, word_ids, config.ngrams, max_words)
        users = tf.RaggedTensor.from_row_splits(ids, splits[name], validate=False)
        return keep(users, ids.row_lengths() > 0)

    moments = {
        name: tf.RaggedTensor.from_row_splits(
            inputs[name].values, _users(inputs[name]), validate=False
        )
        for name in (HISTORY_TIMESTAMPS, TARGET_TIMESTAMPS)
        if name in inputs
    }
    target = to_ids(TARGET)
    return {
        HISTORY: last(to_ids(HISTORY), max_behaviors),
        TARGET: target if config.target_behaviors == "all" else first(target, max_behaviors),
        **moments,
    }


def _users(texts: tf.SparseTensor) -> tf.Tensor:
    """Where the texts of each user begin and end; int64 [users + 1]."""
    return row_splits(texts.indices[:, 0], texts.dense_shape[0])


def _to_ids(
    forms: tf.RaggedTensor,
    words_of: Callable[[tf.Tensor], tf.RaggedTensor],
    word_ids: WordIds,
    ngrams: int,
    limit: tf.Tensor,
) -> tf.RaggedTensor:
    """Texts as forms, string [n, (forms)], to word ids, int64 [n, (words)].

    Every form is looked at once, however often it occurs.
    """
    unique, index = tf.unique(forms.values, out_idx=tf.int64)
    words = words_of(unique)
    ids = _of_texts(forms, _known(words, word_ids), index)
    if ngrams == 1:
        return first(ids, limit)
    known = _known(phrases(_of_texts(forms, words, index)), word_ids)
    return tf.concat([first(ids, limit), first(known, limit)], axis=1)


def _of_texts(
    forms: tf.RaggedTensor, values: tf.RaggedTensor, index: tf.Tensor
) -> tf.RaggedTensor:
    """The values of each text, [n, (values)], from those of different forms, [u, (values)].

    Args:
        forms: [n, (forms)]; how many each text has.
        values: What the different forms have.
        index: Int64 [forms]; of which of them each is one.
    """
    return forms.with_values(gather_rows(values, index)).merge_dims(1, 2)


def _known(words: tf.RaggedTensor, word_ids: WordIds) -> tf.RaggedTensor:
    """The ids of each row's known words; int64 [n, (words)]."""
    ids = words.with_values(word_ids(words.values))
    return keep(ids, ids.values > 0)


def _kinds(words: tf.RaggedTensor, ngrams: int) -> list[tf.RaggedTensor]:
    """The words of each behaviour and, with `ngrams` of 2, its phrases; string [n, (words)]."""
    return [words, phrases(words)] if ngrams == 2 else [words]


def _length(setting: int | str, lengths: tf.Tensor) -> tf.Tensor:
    """A truncation length: the number that is set, or the quantile of `lengths` (int64 [n])."""
    if setting not in (AUTO, AUTO_OF_ALL):
        return tf.constant(setting, tf.int64)
    quantiles = tft.quantiles(lengths, num_buckets=_QUANTILE_BUCKETS, epsilon=0.001)
    return tf.maximum(tf.cast(tf.reshape(quantiles, [-1])[-1], tf.int64), 1)
