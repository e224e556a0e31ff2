"""The sentence encoder against what sentence-transformers 5 gives with the same weights."""

import importlib.util

import numpy as np
import pytest

from experiments.sentence_encoder import SentenceEncoder, mean_of_texts
from pipeline.config import ConfigError

_INSTALLED = importlib.util.find_spec("all_minilm_l6_v2") is not None


@pytest.mark.skipif(not _INSTALLED, reason="requirements-sentences.txt is not installed")
def test_vectors_are_those_of_sentence_transformers():
    encoder = SentenceEncoder()
    texts = ["Fix the build on Windows", "Repair compilation under Windows", ""]
    # A longer one in the batch is no matter.
    vectors = encoder([*texts, "a longer text " * 30])[:3]
    np.testing.assert_allclose(
        vectors[:, :5],
        [
            [-0.0430, 0.0777, 0.0547, 0.0114, 0.0362],
            [-0.0685, 0.0215, 0.0113, 0.0196, 0.0078],
            [-0.1188, 0.0483, -0.0025, -0.0110, 0.0520],
        ],
        atol=5e-4,
    )
    assert vectors[0] @ vectors[1] == pytest.approx(0.6772, abs=1e-3)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


def test_a_user_is_the_mean_of_its_texts():
    numbers = {"a": [1.0, 0.0], "b": [0.0, 3.0]}

    def encoder(texts):
        return np.array([numbers[text] for text in texts]).reshape(len(texts), 2)

    np.testing.assert_array_equal(
        mean_of_texts(encoder, [["a", "b"], ["b", "b"], []]), [[0.5, 1.5], [0, 3], [0, 0]]
    )


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"all_minilm_l6_v2.*requirements-sentences\.txt"):
        SentenceEncoder()
