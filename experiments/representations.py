"""What `quality.py` compares: user vectors, and the TF-IDF that does without.

Every model is a function of the prepared data, a seed, the configuration of the heads and a
folder to write to; it returns the probabilities of every task for the users of the evaluation.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

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


def encoder(**fields):
    """A model: an encoder trained by the project's own code, and heads on its frozen vectors.

    Args:
        **fields: Fields of `EncoderConfig`, or a preset and what overrides it.
    """
    config = EncoderConfig.model_validate(fields)

    def vectors(data: PreparedData, seed: int, folder: str):
        from trainer.encoder.run import train_encoder

        trained = train_encoder(
            config.model_copy(update={"seed": seed}),
            data.transform_output,
            data.train_files,
            data.validation_files,
            log_dir=os.path.join(folder, "logs"),
            backup_dir=os.path.join(folder, "backup"),
        )
        return lambda users: _encode(trained, users)

    return _with_heads(vectors)


def _word2vec(data: PreparedData, seed: int, folder: str):
    """The mean of the Word2Vec vectors of all words of a user."""
    from trainer.encoder.word_vectors import train_word_vectors

    vocabulary_size = _vocabulary_size(data)
    table = train_word_vectors(
        _sentences(data), vocabulary_size, EncoderConfig().dimension, seed=seed
    )

    def vectors(users):
        counts = _word_counts(users.word_ids, vocabulary_size)
        return counts @ table / np.maximum(counts.sum(axis=1), 1)

    return vectors


def _doc2vec(data: PreparedData, seed: int, folder: str):
    """Paragraph vectors (distributed bag of words); every labelled user's is inferred."""
    from gensim.models.doc2vec import Doc2Vec, TaggedDocument

    documents = [
        TaggedDocument([str(word) for word in words], [user])
        for user, words in enumerate(_sentences(data))
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
                model.infer_vector([str(word) for behavior in user for word in behavior])
                for user in users.word_ids
            ]
        )

    return vectors


def _tfidf(data: PreparedData, seed: int, heads: HeadsConfig, folder: str) -> Probabilities:
    """TF-IDF (sublinear) and logistic regression, its regularisation by cross-validation."""
    import scipy.sparse
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import StratifiedKFold

    size = _vocabulary_size(data)
    # It needs no users for early stopping, and fits on theirs too.
    fitted = [data.train, data.validation]
    counts = scipy.sparse.vstack([_word_counts(users.word_ids, size) for users in fitted])
    transformer = TfidfTransformer(sublinear_tf=True).fit(counts)
    inputs = transformer.transform(counts)
    evaluated = transformer.transform(_word_counts(data.evaluation.word_ids, size))
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


MODELS = {
    "tfidf": Model("TF-IDF and logistic regression, no user vector", _tfidf),
    "word2vec": Model("the mean of a user's Word2Vec vectors", _with_heads(_word2vec)),
    "doc2vec": Model("Doc2Vec, inferred for every user", _with_heads(_doc2vec)),
    "paper": Model("SUMN to the letter", encoder()),
    "small": Model("SUMN, preset small", encoder(preset="small")),
    "small-mean": Model(
        "preset small, mean of the behaviours", encoder(preset="small", aggregator="mean")
    ),
    "small-max": Model(
        "preset small, maximum of the behaviours", encoder(preset="small", aggregator="max")
    ),
    "small-untrained": Model(
        "preset small as it starts, no epoch trained", encoder(preset="small", max_epochs=0)
    ),
}
"""Models by name, baselines first."""
