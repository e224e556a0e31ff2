"""Rows of the supervised rivals, which read the same words of the same users as all others.

Those that read words in their order read no phrases, which stand behind the words.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from contract.errors import UsageError
from experiments.labelled_users import LabelledUsers, PreparedData
from experiments.representations import Model, Probabilities
from experiments.supervised.words import Words, words
from trainer.encoder.config import EncoderConfig
from trainer.heads.config import HeadsConfig

LEARNING_RATES = (0.001, 0.0003)
"""Those that are tried; the validation users choose. Ours has one try: a rival is not held back."""

FINE_TUNING_RATES = (0.0003, 0.0001)
"""Those of BERT."""


class Budget(NamedTuple):
    """How much a supervised rival may try.

    Attributes:
        rates: How many learning rates are tried for each task, the first ones.
        epochs: The most epochs of each training.
    """

    rates: int
    epochs: int

    def __str__(self) -> str:
        counted = (
            f"{number} {name}{'' if number == 1 else 's'}"
            for number, name in ((self.rates, "learning rate"), (self.epochs, "epoch"))
        )
        return ", at most ".join(counted)


_progress = logging.getLogger("progress")
_Setup = Callable[
    [PreparedData, int, Budget | None],
    tuple[Callable[[int], Any], Callable[[LabelledUsers], Any]],
]
"""Of the data, a seed and what it may try: a function that builds the model, one that makes its
inputs of users."""


def _supervised(
    set_up: _Setup,
    learning_rates: tuple[float, ...] = LEARNING_RATES,
    budget: Budget | None = None,
):
    def evaluate(data: PreparedData, seed: int, heads: HeadsConfig, folder: str) -> Probabilities:
        from experiments.supervised.training import fit_and_predict

        build, inputs = set_up(data, seed, budget)
        config = heads.model_copy(update={"seed": seed})
        if budget is not None:
            config = config.model_copy(update={"max_epochs": budget.epochs})
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
                learning_rates[: budget.rates if budget else None],
            )
        return probabilities

    return evaluate


def _known(users: LabelledUsers, task: str) -> LabelledUsers:
    known = users.labels[task][1] > 0
    return users._replace(
        word_ids=[words for words, keep in zip(users.word_ids, known, strict=True) if keep]
    )


def _text_cnn(data: PreparedData, seed: int, budget: Budget | None):
    from experiments.supervised.models import text_cnn

    own = words(data)
    vectors = _word_vectors(data, own, seed)
    return lambda classes: text_cnn(vectors, classes), lambda users: [_flat(own, users)]


def _han(data: PreparedData, seed: int, budget: Budget | None):
    from experiments.supervised.models import hierarchical_attention

    own = words(data)
    vectors = _word_vectors(data, own, seed)
    return (
        lambda classes: hierarchical_attention(vectors, classes),
        lambda users: [_nested(own, users)],
    )


def _bert(data: PreparedData, seed: int, budget: Budget | None):
    from experiments.supervised.bert import PRETRAINING_EPOCHS, classifier, pretrain, tokens
    from trainer.encoder.dataset import user_behaviors

    own, spec = words(data), data.transform_output.transformed_feature_spec()
    train, validation = (
        tokens([[own.of(each) for each in user] for user in user_behaviors(files, spec)], own.size)
        for files in (data.train_files, data.validation_files)
    )
    epochs = min(PRETRAINING_EPOCHS, budget.epochs) if budget else PRETRAINING_EPOCHS
    backbone, _ = pretrain(train, validation, own.size, seed, epochs)
    return (
        lambda classes: classifier(backbone, own.size, classes),
        lambda users: [tokens(own.behaviors(users), own.size)],
    )


def _tfidf_mlp(data: PreparedData, seed: int, budget: Budget | None):
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


_SETUPS: dict[str, tuple[str, _Setup, tuple[float, ...]]] = {
    "tfidf-mlp": ("TF-IDF and an MLP of 128, supervised", _tfidf_mlp, LEARNING_RATES),
    "textcnn": ("TextCNN from Word2Vec, supervised", _text_cnn, LEARNING_RATES),
    "han": ("hierarchical attention network, supervised", _han, LEARNING_RATES),
    "bert": (
        "BERT from a random start, masked words then fine-tuned",
        _bert,
        FINE_TUNING_RATES,
    ),
}

SUPERVISED = {
    name: Model(description, _supervised(set_up, rates))
    for name, (description, set_up, rates) in _SETUPS.items()
}
"""Rows by name."""


def with_budgets(budgets: Mapping[str, Budget]) -> dict[str, Model]:
    """Some rows with less to try than they have of themselves.

    Args:
        budgets: Row to what it may try.

    Raises:
        UsageError: A row is not supervised.
    """
    if unknown := budgets.keys() - _SETUPS:
        raise UsageError(
            f"a budget is for {', '.join(_SETUPS)}. Received: {', '.join(sorted(unknown))}"
        )
    rows = {}
    for name, budget in budgets.items():
        description, set_up, rates = _SETUPS[name]
        rows[name] = Model(f"{description}, {budget}", _supervised(set_up, rates, budget))
    return rows
