"""Rows that are others with something else given: other words, or other heads."""

from __future__ import annotations

from experiments.labelled_users import PreparedData
from experiments.representations import MODELS, Model, Probabilities
from experiments.supervised.words import words_alone
from trainer.heads.config import HeadsConfig


def _tfidf_of_words(
    data: PreparedData, seed: int, heads: HeadsConfig, folder: str
) -> Probabilities:
    return MODELS["tfidf"].evaluate(words_alone(data), seed, heads, folder)


def _paper(data: PreparedData, seed: int, heads: HeadsConfig, folder: str) -> Probabilities:
    """The paper's encoder, and its heads too, whatever the data are configured for."""
    own = HeadsConfig.model_validate({"preset": "paper"})
    return MODELS["paper"].evaluate(data, seed, own, folder)


WRAPPED = {
    "tfidf-words": Model("TF-IDF of words alone", _tfidf_of_words, seeded=False),
    "paper": MODELS["paper"]._replace(description="encoder and heads", evaluate=_paper),
}
"""Rows by name."""
