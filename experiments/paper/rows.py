"""The rows of the paper's tables: rivals, and SUMN in all its variants."""

from __future__ import annotations

import importlib.util

from experiments.paper.wrapped import WRAPPED
from experiments.representations import MODELS, FitVectors, Model, variant
from experiments.supervised.rows import SUPERVISED

HOPS = range(1, 9)

VARIANTS: dict[str, dict] = {
    "sumn-ae": {"objective": "autoencoder"},
    "sumn-id": {"objective": "identity"},
    "sumn-mean": {"aggregator": "mean"},
    "sumn-max": {"aggregator": "max"},
    "sumn-transformer": {"aggregator": "transformer"},
    "sumn": {},
    "sumn-lsa": {"latent_semantics": 64},
}
"""Row to what it changes of the encoder that the data are configured for."""


ROWS: dict[str, Model] = {
    **WRAPPED,
    **{name: MODELS[name] for name in ("tfidf", "word2vec", "doc2vec")},
    **SUPERVISED,
    **{name: variant(**changes) for name, changes in VARIANTS.items()},
    **{f"sumn-{hops}-hops": variant(hops=hops) for hops in HOPS},
}

LABELS = {
    "tfidf-words": "TF-IDF of words, logistic regression",
    "tfidf": "TF-IDF with phrases, logistic regression",
    "tfidf-words-mlp": "TF-IDF of words, MLP",
    "tfidf-mlp": "TF-IDF with phrases, MLP",
    "word2vec": "Word2Vec",
    "doc2vec": "Doc2Vec",
    "textcnn": "TextCNN (supervised)",
    "han": "HAN (supervised)",
    "bert": "BERT (masked words, then supervised)",
    "sumn-ae": "SUMN-AE",
    "sumn-id": "SUMN-ID",
    "sumn-mean": "SUMN-MEAN",
    "sumn-max": "SUMN-MAX",
    "sumn-transformer": "SUMN, transformer",
    "sumn": "SUMN",
    "sumn-lsa": "SUMN beside latent semantics",
    "paper": "SUMN, preset paper",
}
"""How the rows of the tables are called there; the order is that of the tables."""

PACKAGES = {
    "bert": ("keras_hub", "pip install --no-deps -r requirements-experiments.txt"),
}
"""Row to the module of an optional package that it needs, and to how that is installed."""


def missing_package(row: str) -> str | None:
    """Why a row cannot be had here; None if it can."""
    if row not in PACKAGES or importlib.util.find_spec(PACKAGES[row][0]) is not None:
        return None
    module, command = PACKAGES[row]
    return f"{module} is not installed: {command}"


def fit_vectors(row: str) -> FitVectors:
    """What of a row makes user vectors.

    Args:
        row: Of a model of user vectors.
    """
    fit = ROWS[row].fit_vectors
    if fit is None:
        raise ValueError(f"{row} makes no user vectors")
    return fit
