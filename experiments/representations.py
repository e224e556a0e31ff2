"""What `quality.py` compares: user vectors, and the TF-IDF that does without.

Every model is a function of the prepared data, a seed, the configuration of the heads and a
folder to write to; it returns the probabilities of every task for the users of the evaluation.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

import numpy as np
import scipy.sparse

from contract.event_channels import TIME, TYPE, VALUE
from contract.signatures import USER_VECTOR
from experiments.labelled_users import LabelledUsers, PreparedData
from pipeline.config import ConfigError
from trainer.encoder.config import EncoderConfig
from trainer.heads.config import HeadsConfig

Probabilities = dict[str, np.ndarray]
"""Task to float [users, classes]."""

FitVectors = Callable[[PreparedData, int, str], Callable[[LabelledUsers], np.ndarray]]

_BATCH = 256
_DOC2VEC_EPOCHS = 20
_WORD_EPOCHS = 10
_NGRAM_BUCKETS = 200_000


class Model(NamedTuple):
    """A row of the table.

    Attributes:
        description: What it is, for `--help`.
        evaluate: The function that fits it and predicts.
        fit_vectors: What of it makes user vectors, without labels: a function of the data, a seed
            and a folder to a function of users to float [users, d]; None if it makes none.
        seeded: Whether another seed gives something else.
    """

    description: str
    evaluate: Callable[[PreparedData, int, HeadsConfig, str], Probabilities]
    fit_vectors: FitVectors | None = None
    seeded: bool = True


def of_vectors(description: str, fit_vectors: FitVectors) -> Model:
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

    return Model(description, evaluate, fit_vectors)


def encoder(**fields) -> Model:
    """A model: an encoder trained by the project's own code, and heads on its frozen vectors.

    Args:
        **fields: Fields of `EncoderConfig`, or a preset and what overrides it.
    """
    config = EncoderConfig.model_validate(fields)
    return of_vectors(str(fields), _encoder(lambda data: config))


def variant(**changes) -> Model:
    """A model: the encoder that the data are configured for, changed in some fields, and heads.

    Args:
        **changes: Fields of `EncoderConfig`.
    """

    def choose(data: PreparedData) -> EncoderConfig:
        return EncoderConfig.model_validate({**data.encoder.model_dump(), **changes})

    return of_vectors(f"SUMN with {changes}" if changes else "SUMN", _encoder(choose))


def _encoder(
    choose: Callable[[PreparedData], EncoderConfig], without: Collection[str] = ()
) -> FitVectors:
    def vectors(data: PreparedData, seed: int, folder: str):
        from trainer.encoder.run import train_encoder

        trained = train_encoder(
            choose(data).model_copy(update={"seed": seed}),
            data.transform_output,
            data.train_files,
            data.validation_files,
            log_dir=os.path.join(folder, "logs"),
            backup_dir=os.path.join(folder, "backup"),
            channels=set(data.train.events) - set(without),
        )
        return lambda users: encode(lambda *inputs: trained(*inputs)[USER_VECTOR], users)

    return vectors


def _latent_semantics(data: PreparedData, seed: int, folder: str):
    """Latent semantic analysis of all words and phrases of a user, each user of length 1."""
    from trainer.encoder.word_directions import fit_latent_semantics

    layer = fit_latent_semantics(
        sentences_of(data), len(vocabulary_of(data)), EncoderConfig().dimension, seed
    )
    return lambda users: encode(lambda word_ids, _: layer(word_ids), users)


def _word2vec(data: PreparedData, seed: int, folder: str):
    """The mean of a user's Word2Vec vectors, weighted by inverse document frequency."""
    from trainer.encoder.word_vectors import (
        inverse_document_frequency,
        train_word_vectors,
        without_phrases,
        word_counts,
    )
    from trainer.text.phrases import parts_of_phrases

    phrases = parts_of_phrases(vocabulary_of(data))
    sentences, size = without_phrases(sentences_of(data), phrases), len(phrases)
    table = train_word_vectors(sentences, size, EncoderConfig().dimension, seed=seed)
    table *= inverse_document_frequency(word_counts(sentences, size))[:, np.newaxis]
    return _mean_of_words(table, phrases)


def _fasttext(data: PreparedData, seed: int, folder: str):
    """The mean of FastText vectors, which are sums of a word's and of its n-grams of letters."""
    from gensim.models import FastText

    from trainer.encoder.word_vectors import (
        inverse_document_frequency,
        without_phrases,
        word_counts,
    )
    from trainer.text.phrases import parts_of_phrases

    vocabulary = vocabulary_of(data)
    phrases = parts_of_phrases(vocabulary)
    sentences = without_phrases(sentences_of(data), phrases)
    model = FastText(
        [[vocabulary[word - 1] for word in words] for words in sentences],
        vector_size=EncoderConfig().dimension,
        sg=1,
        min_count=1,
        epochs=_WORD_EPOCHS,
        bucket=_NGRAM_BUCKETS,
        seed=seed,
        workers=2,
    )
    # A word that only validation or eval users have gets its n-grams' vectors.
    table = np.stack([model.wv.get_vector(word) for word in vocabulary])
    return _mean_of_words(
        table * inverse_document_frequency(word_counts(sentences, len(table)))[:, None], phrases
    )


def _mean_of_words(table: np.ndarray, phrases: np.ndarray):
    """A function of users to the mean of their words' vectors, brought to a length of 1."""
    from trainer.encoder.word_vectors import without_phrases, word_counts

    def vectors(users):
        rows = word_counts(without_phrases(_flat(users), phrases), len(table)) @ table
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)

    return vectors


def _doc2vec(data: PreparedData, seed: int, folder: str):
    """Paragraph vectors (distributed bag of words); every labelled user's is inferred."""
    from gensim.models.doc2vec import Doc2Vec, TaggedDocument

    from trainer.encoder.word_vectors import without_phrases
    from trainer.text.phrases import parts_of_phrases

    phrases = parts_of_phrases(vocabulary_of(data))
    documents = [
        TaggedDocument([str(word) for word in words], [user])
        for user, words in enumerate(without_phrases(sentences_of(data), phrases))
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
                for user in without_phrases(_flat(users), phrases)
            ]
        )

    return vectors


def _sentences_of_users(data: PreparedData, seed: int, folder: str):
    """The mean of a user's texts by a sentence encoder that was trained elsewhere."""
    from experiments.sentence_encoder import mean_of_texts

    encoder = _sentence_encoder()
    return lambda users: mean_of_texts(encoder, users.texts)


@functools.cache
def _sentence_encoder():
    from experiments.sentence_encoder import SentenceEncoder

    return SentenceEncoder()


def _tfidf(with_time: bool):
    """TF-IDF (sublinear) and logistic regression, its regularisation by cross-validation."""

    def evaluate(data: PreparedData, seed: int, heads: HeadsConfig, folder: str) -> Probabilities:
        from sklearn.feature_extraction.text import TfidfTransformer

        from trainer.encoder.word_vectors import word_counts

        size = len(vocabulary_of(data))
        transformer = TfidfTransformer(sublinear_tf=True).fit(word_counts(sentences_of(data), size))
        parts = [data.train, data.validation, data.evaluation]
        rows = [transformer.transform(word_counts(_flat(users), size)) for users in parts]
        if with_time:
            moments = [_time_features(users) for users in parts]
            scaled = _to_unit_variance(moments[0])
            rows = [
                scipy.sparse.hstack([row, scaled(part)]).tocsr()
                for row, part in zip(rows, moments, strict=True)
            ]
        return _logistic_regression(data, rows)

    return evaluate


def _logistic_regression(data: PreparedData, rows) -> Probabilities:
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
            cv=StratifiedKFold(5, shuffle=True, random_state=0),
            scoring="neg_log_loss",
            max_iter=1000,
        ).fit(inputs[known], labels[known])
        probabilities[task] = np.zeros((len(data.evaluation.word_ids), classes))
        probabilities[task][:, model.classes_] = model.predict_proba(evaluated)
    return probabilities


def _beside_time(fit_vectors):
    """The same vectors with the 57 numbers of the moments beside them, each of unit variance."""

    def fit(data: PreparedData, seed: int, folder: str):
        parts = (fit_vectors(data, seed, folder), _time_features)
        train = [part(data.train) for part in parts]
        scaled = [_to_unit_variance(vectors) for vectors in train]

        def joined(users):
            vectors = train if users is data.train else [part(users) for part in parts]
            return np.hstack([scale(each) for scale, each in zip(scaled, vectors, strict=True)])

        return joined

    return fit


def _to_unit_variance(users: np.ndarray):
    """A function that centres vectors as these users', and gives them a total variance of 1."""
    mean, deviation = users.mean(axis=0), np.sqrt(users.var(axis=0).sum())
    return lambda vectors: (vectors - mean) / deviation


def _time_features(users: LabelledUsers) -> np.ndarray:
    from trainer.encoder.layers import TimeFeatures
    from trainer.encoder.user_encoder import padded

    _, events = padded(users.word_ids, users.events)
    return np.asarray(TimeFeatures()(events[TIME.name]))


def encode(encoder, users: LabelledUsers) -> np.ndarray:
    """What a function of padded word ids and events makes of users, batch by batch.

    Args:
        encoder: Function of int64 [batch, behaviours, words] and of int64 [batch, behaviours] by
            channel to float [batch, d].
        users: To encode.

    Returns:
        Float [users, d].
    """
    from trainer.encoder.user_encoder import padded

    vectors = []
    for start in range(0, len(users.word_ids), _BATCH):
        batch = slice(start, start + _BATCH)
        events = {name: numbers[batch] for name, numbers in users.events.items()}
        inputs = padded(users.word_ids[batch], events)
        vectors.append(np.asarray(encoder(*inputs)))
    return np.concatenate(vectors)


def sentences_of(data: PreparedData) -> list[list[int]]:
    """The word ids of every user of `train`, labelled or not, in the order of time."""
    from trainer.encoder.dataset import sentences

    return sentences(data.train_files, data.transform_output.transformed_feature_spec())


def vocabulary_of(data: PreparedData) -> list[str]:
    """The words and phrases, the one with the id 1 first."""
    from trainer.text.vocabulary import read_vocabulary

    return [word for word, _ in read_vocabulary(data.transform_output)]


def _flat(users: LabelledUsers) -> list[list[int]]:
    """Per user all word ids."""
    return [list(itertools.chain.from_iterable(user)) for user in users.word_ids]


TIMED = "-time"
"""Ends the names of models that need the channel of time."""


UNTYPED = "untyped"
"""Name of the model that only data with types or values need."""

_TYPED = (TYPE.name, VALUE.name)


_ASKED_FOR = ("paper", "sentences", "sentences-time")
"""Models that take long."""


def known_models(channels: Collection[str]) -> list[str]:
    """Returns the models that say something of data with these channels and do not take long."""
    return [
        name
        for name in MODELS
        if name not in _ASKED_FOR
        and (TIME.name in channels or not name.endswith(TIMED))
        and (name != UNTYPED or not set(_TYPED).isdisjoint(channels))
    ]


def check_times(names: Iterable[str], channels: Collection[str]) -> None:
    """Checks that no model is asked for that needs what the data do not have.

    Args:
        names: Of the models.
        channels: Of the data.

    Raises:
        ConfigError: A model needs times, and there are none.
    """
    if TIME.name not in channels and any(name.endswith(TIMED) for name in names):
        raise ConfigError("the data have no times, which models that end in -time need.")


MODELS = {
    "tfidf": Model("TF-IDF and logistic regression, no user vector", _tfidf(False), seeded=False),
    "word2vec": of_vectors("idf-weighted mean of a user's Word2Vec vectors", _word2vec),
    "fasttext": of_vectors("idf-weighted mean of FastText vectors", _fasttext),
    "doc2vec": of_vectors("Doc2Vec, inferred for every user", _doc2vec),
    "lsa": of_vectors("latent semantic analysis", _latent_semantics),
    "tfidf-time": Model(
        "TF-IDF and 57 numbers of time, logistic regression", _tfidf(True), seeded=False
    ),
    "word2vec-time": of_vectors("Word2Vec beside 57 numbers of time", _beside_time(_word2vec)),
    "fasttext-time": of_vectors("FastText beside 57 numbers of time", _beside_time(_fasttext)),
    "doc2vec-time": of_vectors("Doc2Vec beside 57 numbers of time", _beside_time(_doc2vec)),
    "lsa-time": of_vectors(
        "latent semantic analysis beside 57 numbers of time", _beside_time(_latent_semantics)
    ),
    "sentences": of_vectors(
        "mean of a user's texts by all-MiniLM-L6-v2, trained elsewhere", _sentences_of_users
    ),
    "sentences-time": of_vectors(
        "all-MiniLM-L6-v2, trained elsewhere, beside 57 numbers of time",
        _beside_time(_sentences_of_users),
    ),
    "paper": of_vectors("SUMN to the letter", _encoder(lambda data: EncoderConfig())),
    "untrained": of_vectors(
        "the default as it starts, no epoch trained",
        _encoder(lambda data: data.encoder.model_copy(update={"max_epochs": 0})),
    ),
    UNTYPED: of_vectors(
        "the default without the channels of types and values",
        _encoder(lambda data: data.encoder, without=_TYPED),
    ),
    "default": of_vectors("what `init` writes for this data", _encoder(lambda data: data.encoder)),
}
"""Models by name, baselines first."""
