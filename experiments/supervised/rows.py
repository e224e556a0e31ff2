"""Rows of the supervised rivals: what reads the same words of the same users as all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.labelled_users import LabelledUsers, PreparedData
from experiments.representations import Model, Probabilities
from trainer.encoder.config import EncoderConfig
from trainer.heads.config import HeadsConfig

_Setup = Callable[[PreparedData, int], tuple[Callable[[int], Any], Callable[[LabelledUsers], Any]]]
"""Of the data and a seed: a function that builds the model, one that makes its inputs of users."""


def _supervised(set_up: _Setup):
    def evaluate(data: PreparedData, seed: int, heads: HeadsConfig, folder: str) -> Probabilities:
        from experiments.supervised.training import fit_and_predict

        build, inputs = set_up(data, seed)
        config = heads.model_copy(update={"seed": seed})
        probabilities = {}
        for task, classes in data.tasks.items():
            train, validation = (
                (inputs(_known(users, task)), users.labels[task][0][users.labels[task][1] > 0])
                for users in (data.train, data.validation)
            )
            probabilities[task] = fit_and_predict(
                build, classes, train, validation, inputs(data.evaluation), config
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

    vectors = _word_vectors(data, seed)
    return lambda classes: text_cnn(vectors, classes), lambda users: [_flat(users)]


def _han(data: PreparedData, seed: int):
    from experiments.supervised.models import hierarchical_attention

    vectors = _word_vectors(data, seed)
    return lambda classes: hierarchical_attention(vectors, classes), lambda users: [_nested(users)]


def _tfidf_mlp(data: PreparedData, seed: int):
    import tensorflow as tf
    from sklearn.feature_extraction.text import TfidfTransformer

    from experiments.supervised.models import tfidf_mlp
    from trainer.encoder.word_vectors import word_counts

    size = _vocabulary_size(data)
    transformer = TfidfTransformer(sublinear_tf=True).fit(word_counts(_sentences(data), size))

    def inputs(users: LabelledUsers):
        rows = transformer.transform(word_counts(_words(users), size)).tocsr()
        splits = rows.indptr.astype(np.int64)
        return [
            tf.RaggedTensor.from_row_splits(rows.indices.astype(np.int32) + 1, splits),
            tf.RaggedTensor.from_row_splits(rows.data.astype(np.float32), splits),
        ]

    return lambda classes: tfidf_mlp(size, classes), inputs


def _word_vectors(data: PreparedData, seed: int) -> np.ndarray:
    from trainer.encoder.word_vectors import train_word_vectors

    return train_word_vectors(
        _sentences(data), _vocabulary_size(data), EncoderConfig().dimension, seed=seed
    )


def _sentences(data: PreparedData) -> list[list[int]]:
    from trainer.encoder.dataset import sentences

    return sentences(data.train_files, data.transform_output.transformed_feature_spec())


def _vocabulary_size(data: PreparedData) -> int:
    from trainer.text.vocabulary import read_vocabulary

    return len(read_vocabulary(data.transform_output))


def _words(users: LabelledUsers) -> list[list[int]]:
    """Per user all word ids, in the order of time."""
    return [[word for behavior in user for word in behavior] for user in users.word_ids]


def _flat(users: LabelledUsers):
    import tensorflow as tf

    words = _words(users)
    return tf.RaggedTensor.from_row_lengths(
        np.array([word for user in words for word in user], np.int32), [len(user) for user in words]
    )


def _nested(users: LabelledUsers):
    import tensorflow as tf

    behaviors = [behavior for user in users.word_ids for behavior in user]
    return tf.RaggedTensor.from_nested_row_lengths(
        np.array([word for behavior in behaviors for word in behavior], np.int32),
        [[len(user) for user in users.word_ids], [len(behavior) for behavior in behaviors]],
    )


SUPERVISED = {
    "tfidf-mlp": Model("TF-IDF and an MLP of 128, supervised", _supervised(_tfidf_mlp)),
    "textcnn": Model("TextCNN from Word2Vec, supervised", _supervised(_text_cnn)),
    "han": Model("hierarchical attention network, supervised", _supervised(_han)),
}
"""Rows by name."""
