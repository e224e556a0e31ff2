"""Rows of the supervised rivals, which read the same words of the same users as all others.

Those that read words in their order read no phrases, which stand behind the words.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from experiments.labelled_users import LabelledUsers, PreparedData
from experiments.representations import Model, Probabilities
from experiments.supervised.words import Words, words
from trainer.encoder.config import EncoderConfig
from trainer.heads.config import HeadsConfig

FINE_TUNING_RATES = (0.0003, 0.0001)
"""Of BERT, tried for each task."""

_progress = logging.getLogger("progress")
_Setup = Callable[[PreparedData, int], tuple[Callable[[int], Any], Callable[[LabelledUsers], Any]]]
"""Of the data and a seed: a function that builds the model, one that makes its inputs of users."""


def _supervised(set_up: _Setup, learning_rates: Sequence[float] | None = None):
    def evaluate(data: PreparedData, seed: int, heads: HeadsConfig, folder: str) -> Probabilities:
        from experiments.supervised.training import fit_and_predict

        build, inputs = set_up(data, seed)
        config = heads.model_copy(update={"seed": seed})
        probabilities = {}
        for number, (task, classes) in enumerate(data.tasks.items(), start=1):
            _progress.info("task %d/%d: %s", number, len(data.tasks), task)
            train, validation = (
                (inputs(_known(users, task)), users.labels[task][0][users.labels[task][1] > 0])
                for users in (data.train, data.validation)
            )
            probabilities[task] = fit_and_predict(
                build,
                classes,
                train,
                validation,
                inputs(data.evaluation),
                config,
                learning_rates,
            )
        return probabilities

    return evaluate


def _known(users: LabelledUsers, task: str) -> LabelledUsers:
    known = users.labels[task][1] > 0
    return users._replace(
        word_ids=[words for words, keep in zip(users.word_ids, known, strict=True) if keep]
    )


def _text_cnn(data: PreparedData, seed: int):
    from experiments.supervised.models import text_cnn

    own = words(data)
    vectors = _word_vectors(data, own, seed)
    return lambda classes: text_cnn(vectors, classes), lambda users: [_flat(own, users)]


def _han(data: PreparedData, seed: int):
    from experiments.supervised.models import hierarchical_attention

    own = words(data)
    vectors = _word_vectors(data, own, seed)
    return (
        lambda classes: hierarchical_attention(vectors, classes),
        lambda users: [_nested(own, users)],
    )


def _bert(data: PreparedData, seed: int):
    from experiments.supervised.bert import classifier, pretrain, tokens
    from trainer.encoder.dataset import user_behaviors

    own, spec = words(data), data.transform_output.transformed_feature_spec()
    train, validation = (
        tokens([[own.of(each) for each in user] for user in user_behaviors(files, spec)], own.size)
        for files in (data.train_files, data.validation_files)
    )
    backbone, _ = pretrain(train, validation, own.size, seed)
    return (
        lambda classes: classifier(backbone, own.size, classes),
        lambda users: [tokens(own.behaviors(users), own.size)],
    )


def _tfidf_mlp(data: PreparedData, seed: int):
    import tensorflow as tf
    from sklearn.feature_extraction.text import TfidfTransformer

    from experiments.supervised.models import tfidf_mlp
    from trainer.encoder.dataset import sentences
    from trainer.encoder.word_vectors import word_counts
    from trainer.text.vocabulary import read_vocabulary

    size = len(read_vocabulary(data.transform_output))
    read = sentences(data.train_files, data.transform_output.transformed_feature_spec())
    transformer = TfidfTransformer(sublinear_tf=True).fit(word_counts(read, size))

    def inputs(users: LabelledUsers):
        counted = [[word for behavior in user for word in behavior] for user in users.word_ids]
        rows = transformer.transform(word_counts(counted, size)).tocsr()
        splits = rows.indptr.astype(np.int64)
        return [
            tf.RaggedTensor.from_row_splits(rows.indices.astype(np.int32) + 1, splits),
            tf.RaggedTensor.from_row_splits(rows.data.astype(np.float32), splits),
        ]

    return lambda classes: tfidf_mlp(size, classes), inputs


def _word_vectors(data: PreparedData, own: Words, seed: int) -> np.ndarray:
    from trainer.encoder.word_vectors import train_word_vectors

    return train_word_vectors(own.sentences(data), own.size, EncoderConfig().dimension, seed=seed)


def _flat(own: Words, users: LabelledUsers):
    import tensorflow as tf

    flat = [[word for behavior in user for word in behavior] for user in own.behaviors(users)]
    return tf.RaggedTensor.from_row_lengths(
        np.array([word for user in flat for word in user], np.int32), [len(user) for user in flat]
    )


def _nested(own: Words, users: LabelledUsers):
    import tensorflow as tf

    read = own.behaviors(users)
    behaviors = [behavior for user in read for behavior in user]
    return tf.RaggedTensor.from_nested_row_lengths(
        np.array([word for behavior in behaviors for word in behavior], np.int32),
        [[len(user) for user in read], [len(behavior) for behavior in behaviors]],
    )


SUPERVISED = {
    "tfidf-mlp": Model("TF-IDF and an MLP of 128, supervised", _supervised(_tfidf_mlp)),
    "textcnn": Model("TextCNN from Word2Vec, supervised", _supervised(_text_cnn)),
    "han": Model("hierarchical attention network, supervised", _supervised(_han)),
    "bert": Model(
        "BERT from a random start, masked words then fine-tuned",
        _supervised(_bert, FINE_TUNING_RATES),
    ),
}
"""Rows by name."""
