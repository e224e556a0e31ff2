"""The `preprocessing_fn` of the Transform component: raw texts to word ids, in the graph."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from contract.event_channels import EVENT_CHANNELS
from contract.features import HISTORY, TARGET
from trainer.text.config import AUTO, AUTO_OF_ALL, TextConfig
from trainer.text.event_numbers import numbers_of
from trainer.text.forms import Forms
from trainer.text.known_forms import KnownForms
from trainer.text.phrases import phrases
from trainer.text.ragged import first, keep, last, row_splits, side_by_side
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
        inputs: `history` and `target`: string SparseTensor [batch, behaviours], oldest first; of
            each channel of events two more of that shape, as `contract.event_channels` has them.
        custom_config: `text`: a `TextConfig` as a dict.

    Returns:
        `history` and `target`: int64 RaggedTensor [batch, (behaviours), (words)] of word ids from
        1. Each depends on its own input only, so that a served model feeds `history` alone. The
        channels that are there, int64 RaggedTensor [batch, (behaviours)], as of `event_numbers`: of
        all behaviours that came in.
    """
    config = TextConfig.model_validate(custom_config["text"])
    texts_to_words = tft.make_and_track_object(lambda: TextsToWords(config), name="text")
    forms = {name: Forms.of(texts_to_words, inputs[name].values) for name in (HISTORY, TARGET)}
    words_of: Callable[[str], tf.RaggedTensor]
    if config.known_forms and texts_to_words.cuts_at_spaces:
        # What shares a table with what is served is served too. The analysis has its own.
        analysis = tft.make_and_track_object(lambda: TextsToWords(config), name="text_analysis")
        words = {name: analysis(each.different) for name, each in forms.items()}
        known_forms = KnownForms(forms.values(), words.values(), config.known_forms, texts_to_words)
        words_of = lambda name: known_forms(forms[name].different)  # noqa: E731
    else:
        words = {
            name: _if_any(
                each.different, functools.partial(texts_to_words, each.different), tf.string
            )
            for name, each in forms.items()
        }
        words_of = words.__getitem__

    texts = [forms[name].of_texts(words[name]) for name in forms]
    counted = [kind.values for each in texts for kind in _kinds(each, config.ngrams)]
    word_ids = WordIds(tf.concat(counted, axis=0), config.vocabulary_size)
    # Of words alone: |x| is what the paper's is, with phrases or without.
    lengths = tf.concat([each.row_lengths() for each in texts], axis=0)
    max_words = _length(config.max_words, lengths)
    users = {name: _users(inputs[name]) for name in forms}
    behaviors = users[HISTORY][1:] - users[HISTORY][:-1]
    if config.max_behaviors == AUTO_OF_ALL:
        behaviors += users[TARGET][1:] - users[TARGET][:-1]
    max_behaviors = _length(config.max_behaviors, behaviors)

    def to_ids(name: str) -> tf.RaggedTensor:
        words = words_of(name)
        ids = first(forms[name].of_texts(_known(words, word_ids)), max_words)
        if config.ngrams == 2:
            pairs = _known(phrases(forms[name].of_texts(words)), word_ids)
            ids = side_by_side(ids, first(pairs, max_words))
        return ids

    def of_users(name: str, ids: tf.RaggedTensor) -> tf.RaggedTensor:
        texts = tf.RaggedTensor.from_row_splits(ids, users[name], validate=False)
        return keep(texts, ids.row_lengths() > 0)

    history = of_users(HISTORY, to_ids(HISTORY))
    # A served model has no targets, and is spared what TensorFlow would do for them all the same.
    target = of_users(TARGET, _if_any(inputs[TARGET].values, lambda: to_ids(TARGET), tf.int64))
    return {
        HISTORY: last(history, max_behaviors),
        TARGET: target if config.target_behaviors == "all" else first(target, max_behaviors),
        **_events(inputs),
    }


def _events(inputs: dict[str, Any]) -> dict[str, tf.RaggedTensor]:
    """The numbers of the channels that the examples have."""
    numbers = {}
    for channel in EVENT_CHANNELS:
        parts = {name: inputs[name] for name in (channel.history, channel.target) if name in inputs}
        if not parts:
            continue
        of_values = numbers_of(channel, tf.concat([part.values for part in parts.values()], axis=0))
        for name, part in parts.items():
            numbers[name] = tf.RaggedTensor.from_row_splits(
                of_values(part.values), _users(part), validate=False
            )
    return numbers


def _if_any(
    texts: tf.Tensor, function: Callable[[], tf.RaggedTensor], dtype: tf.DType
) -> tf.RaggedTensor:
    """Runs a function only if a text is not empty.

    Args:
        texts: String [n].
        function: Gives a row for each text, [n, (values)], without values for an empty one.
        dtype: Of the values.
    """

    def compute():
        rows = function()
        return rows.values, rows.row_splits

    def nothing():
        return tf.zeros([0], dtype), tf.zeros([tf.size(texts) + 1], tf.int64)

    # To a graph that is given no targets Transform gives an empty one for every user.
    has_text = tf.reduce_any(tf.not_equal(texts, ""))
    values, splits = tf.cond(has_text, compute, nothing)
    return tf.RaggedTensor.from_row_splits(values, splits, validate=False)


def _users(texts: tf.SparseTensor) -> tf.Tensor:
    """Where the texts of each user begin and end; int64 [users + 1]."""
    return row_splits(texts.indices[:, 0], texts.dense_shape[0])


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
