"""What `quality.py` compares: user vectors, and the TF-IDF that does without.

Every model is a function of the prepared data, a seed, the configuration of the heads and a
folder to write to; it returns the probabilities of every task for the users of the evaluation.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.sparse

from contract.signatures import USER_VECTOR
from experiments.labelled_users import LabelledUsers, PreparedData
from trainer.encoder.config import EncoderConfig
from trainer.heads.config import HeadsConfig

Probabilities = dict[str, np.ndarray]
"""Task to float [users, classes]."""

_BATCH = 256
_DOC2VEC_EPOCHS = 20


class Model(NamedTuple):
    """A row of the table.

    Attributes:
        description: What it is, for `--help`.
        evaluate: The function that fits it and predicts.
    """

    description: str
    evaluate: Callable[[PreparedData, int, HeadsConfig, str], Probabilities]


def encoder(**fields) -> Model:
    """A model: an encoder trained by the project's own code, and heads on its frozen vectors.

    Args:
        **fields: Fields of `EncoderConfig`, or a preset and what overrides it.
    """
    config = EncoderConfig.model_validate(fields)
    return Model(str(fields), _with_heads(_encoder(lambda data: config)))


def _encoder(choose: Callable[[PreparedData], EncoderConfig]):
    def vectors(data: PreparedData, seed: int, folder: str):
        from trainer.encoder.run import train_encoder

        trained = train_encoder(
            choose(data).model_copy(update={"seed": seed}),
            data.transform_output,
            data.train_files,
            data.validation_files,
            log_dir=os.path.join(folder, "logs"),
            backup_dir=os.path.join(folder, "backup"),
        )
        return lambda users: _encode(trained, users)

    return vectors


def _latent_semantics(data: PreparedData, seed: int, folder: str):
    """Latent semantic analysis of all words and phrases of a user, each user of length 1."""
    from trainer.encoder.word_vectors import latent_semantic_directions, word_counts

    size = _vocabulary_size(data)
    directions = latent_semantic_directions(
        word_counts(_sentences(data), size), EncoderConfig().dimension, seed
    )

    def vectors(users):
        counts = _word_counts(users.word_ids, size)
        counts.data = 1 + np.log(counts.data)
        rows = counts @ directions
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)

    return vectors


def _word2vec(data: PreparedData, seed: int, folder: str):
    """The mean of a user's Word2Vec vectors, weighted by inverse document frequency."""
    from sklearn.feature_extraction.text import TfidfTransformer

    from trainer.encoder.word_vectors import train_word_vectors, word_counts

    sentences, size = _words(data, _sentences(data)), _vocabulary_size(data)
    table = train_word_vectors(sentences, size, EncoderConfig().dimension, seed=seed)
    idf = TfidfTransformer().fit(word_counts(sentences, size)).idf_
    table *= idf[:, np.newaxis]

    def vectors(users):
        rows = word_counts(_words_of_users(data, users), size) @ table
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)

    return vectors


def _doc2vec(data: PreparedData, seed: int, folder: str):
    """Paragraph vectors (distributed bag of words); every labelled user's is inferred."""
    from gensim.models.doc2vec import Doc2Vec, TaggedDocument

    documents = [
        TaggedDocument([str(word) for word in words], [user])
        for user, words in enumerate(_words(data, _sentences(data)))
    ]
    model = Doc2Vec(
        documents,
        vector_size=EncoderConfig().dimension,
        dm=0,
        min_count=1,
        epochs=_DOC2VEC_EPOCHS,
        seed=seed,
        workers=2,
    )

    def vectors(users):
        model.random.seed(seed)
        return np.stack(
            [
                model.infer_vector([str(word) for word in user])
                for user in _words_of_users(data, users)
            ]
        )

    return vectors


def _tfidf(with_time: bool):
    """TF-IDF (sublinear) and logistic regression, its regularisation by cross-validation."""

    def evaluate(data: PreparedData, seed: int, heads: HeadsConfig, folder: str) -> Probabilities:
        from sklearn.feature_extraction.text import TfidfTransformer

        from trainer.encoder.word_vectors import word_counts

        size = _vocabulary_size(data)
        transformer = TfidfTransformer(sublinear_tf=True).fit(word_counts(_sentences(data), size))
        parts = [data.train, data.validation, data.evaluation]
        rows = [transformer.transform(_word_counts(users.word_ids, size)) for users in parts]
        if with_time:
            moments = [_time_features(users) for users in parts]
            scaled = _to_unit_variance(moments[0])
            rows = [
                scipy.sparse.hstack([row, scaled(part)]).tocsr()
                for row, part in zip(rows, moments, strict=True)
            ]
        return _logistic_regression(data, seed, rows)

    return evaluate


def _logistic_regression(data: PreparedData, seed: int, rows) -> Probabilities:
    """Fits on train and validation, for it needs no users for early stopping."""
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import StratifiedKFold

    fitted = [data.train, data.validation]
    inputs, evaluated = scipy.sparse.vstack(rows[:2]), rows[2]
    probabilities = {}
    for task, classes in data.tasks.items():
        labels, weights = (
            np.concatenate([users.labels[task][part] for users in fitted]) for part in (0, 1)
        )
        known = weights > 0
        model = LogisticRegressionCV(
            Cs=[0.3, 1, 3, 10],
            cv=StratifiedKFold(5, shuffle=True, random_state=seed),
            scoring="neg_log_loss",
            max_iter=1000,
        ).fit(inputs[known], labels[known])
        probabilities[task] = np.zeros((len(data.evaluation.word_ids), classes))
        probabilities[task][:, model.classes_] = model.predict_proba(evaluated)
    return probabilities


def _beside_time(fit_vectors):
    """The same vectors with the 57 numbers of the moments beside them, each of unit variance."""

    def fit(data: PreparedData, seed: int, folder: str):
        vectors = fit_vectors(data, seed, folder)
        parts = (vectors, _time_features)
        scaled = [_to_unit_variance(part(data.train)) for part in parts]

        def joined(users):
            return np.hstack([s(part(users)) for s, part in zip(scaled, parts, strict=True)])

        return joined

    return fit


def _to_unit_variance(users: np.ndarray):
    """A function that centres vectors as these users', and gives them a total variance of 1."""
    mean, deviation = users.mean(axis=0), np.sqrt(users.var(axis=0).sum())
    return lambda vectors: (vectors - mean) / deviation


def _time_features(users: LabelledUsers) -> np.ndarray:
    from trainer.encoder.layers import TimeFeatures
    from trainer.encoder.user_encoder import padded

    _, moments = padded(users.word_ids, users.timestamps)
    return np.asarray(TimeFeatures()(moments))


def _with_heads(fit_vectors):
    """A model of user vectors: the project's own heads are fitted on them."""

    def evaluate(data: PreparedData, seed: int, heads: HeadsConfig, folder: str) -> Probabilities:
        from trainer.heads.training import fit_heads

        vectors = fit_vectors(data, seed, folder)
        train, validation = (
            (np.asarray(vectors(users), "float32"), users.labels)
            for users in (data.train, data.validation)
        )
        fitted = fit_heads(
            heads.model_copy(update={"seed": seed}),
            data.tasks,
            train,
            validation,
            log_dir=os.path.join(folder, "heads"),
        )
        evaluated = np.asarray(vectors(data.evaluation), "float32")
        return {task: np.asarray(head(evaluated, training=False)) for task, head in fitted.items()}

    return evaluate


def _encode(trained, users: LabelledUsers) -> np.ndarray:
    from trainer.encoder.user_encoder import padded

    vectors = []
    for start in range(0, len(users.word_ids), _BATCH):
        batch = slice(start, start + _BATCH)
        inputs = padded(users.word_ids[batch], users.timestamps[batch])
        vectors.append(np.asarray(trained(*inputs)[USER_VECTOR]))
    return np.concatenate(vectors)


def _sentences(data: PreparedData) -> list[list[int]]:
    from trainer.encoder.dataset import sentences

    return sentences(data.train_files, data.transform_output.transformed_feature_spec())


def _vocabulary_size(data: PreparedData) -> int:
    from trainer.text.vocabulary import read_vocabulary

    return len(read_vocabulary(data.transform_output))


def _word_counts(word_ids, vocabulary_size: int):
    """How often each user has each word: sparse float32 [users, vocabulary_size]."""
    from trainer.encoder.word_vectors import word_counts

    return word_counts(
        [[word for behavior in user for word in behavior] for user in word_ids], vocabulary_size
    )


def _words_of_users(data: PreparedData, users: LabelledUsers) -> list[list[int]]:
    return _words(
        data, [[word for behavior in user for word in behavior] for user in users.word_ids]
    )


def _words(data: PreparedData, sentences: list[list[int]]) -> list[list[int]]:
    """Sentences without phrases, which in them do not stand where their words stand."""
    from trainer.text.phrases import parts_of_phrases
    from trainer.text.vocabulary import read_vocabulary

    vocabulary = [word for word, _ in read_vocabulary(data.transform_output)]
    phrases = set((np.flatnonzero(parts_of_phrases(vocabulary).any(axis=1)) + 1).tolist())
    return [[word for word in user if word not in phrases] for user in sentences]


TIMED = "-time"
"""Ends the names of models that need the channel of time."""

MODELS = {
    "tfidf": Model("TF-IDF and logistic regression, no user vector", _tfidf(False)),
    "word2vec": Model("idf-weighted mean of a user's Word2Vec vectors", _with_heads(_word2vec)),
    "doc2vec": Model("Doc2Vec, inferred for every user", _with_heads(_doc2vec)),
    "lsa": Model("latent semantic analysis", _with_heads(_latent_semantics)),
    "tfidf-time": Model("TF-IDF and 57 numbers of time, logistic regression", _tfidf(True)),
    "word2vec-time": Model(
        "Word2Vec beside 57 numbers of time", _with_heads(_beside_time(_word2vec))
    ),
    "lsa-time": Model(
        "latent semantic analysis beside 57 numbers of time",
        _with_heads(_beside_time(_latent_semantics)),
    ),
    "paper": Model("SUMN to the letter", _with_heads(_encoder(lambda data: EncoderConfig()))),
    "untrained": Model(
        "the default as it starts, no epoch trained",
        _with_heads(_encoder(lambda data: data.encoder.model_copy(update={"max_epochs": 0}))),
    ),
    "default": Model(
        "what `init` writes for this data", _with_heads(_encoder(lambda data: data.encoder))
    ),
}
"""Models by name, baselines first."""
