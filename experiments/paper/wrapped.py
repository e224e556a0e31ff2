"""Rows that are others with something else given: other words, or other heads."""

from __future__ import annotations

from experiments.labelled_users import PreparedData
from experiments.representations import MODELS, Model, Probabilities
from experiments.supervised.rows import SUPERVISED
from experiments.supervised.words import words_alone
from trainer.heads.config import HeadsConfig


def _on_words_alone(model: Model) -> Model:
    """The same without phrases."""

    def evaluate(data: PreparedData, seed: int, heads: HeadsConfig, folder: str) -> Probabilities:
        return model.evaluate(words_alone(data), seed, heads, folder)

    return model._replace(description=f"{model.description}: words alone", evaluate=evaluate)


def _paper(data: PreparedData, seed: int, heads: HeadsConfig, folder: str) -> Probabilities:
    """The paper's encoder, and its heads too, whatever the data are configured for."""
    own = HeadsConfig.model_validate({"preset": "paper"})
    return MODELS["paper"].evaluate(data, seed, own, folder)


WRAPPED = {
    "tfidf-words": _on_words_alone(MODELS["tfidf"]),
    "tfidf-words-mlp": _on_words_alone(SUPERVISED["tfidf-mlp"]),
    "paper": MODELS["paper"]._replace(description="encoder and heads", evaluate=_paper),
}
"""Rows by name."""
