"""What an encoder is trained on from: the weights of the one before it, word by word."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import scipy.linalg
import tensorflow as tf

from trainer.earlier_model import STATE_FILE, WarmStartError, check_there

_WORDS, _EMBEDDINGS, _OTHER = "words", "embeddings", "weight"

_progress = logging.getLogger("progress")


class EncoderState(NamedTuple):
    """The weights of a trained encoder.

    Attributes:
        words: Of the vocabulary, by their ids.
        embeddings: Float32 [words, d].
        weights: The other weights, in Keras' order.
    """

    words: list[str]
    embeddings: np.ndarray
    weights: list[np.ndarray]


def write_state(encoder: keras.Model, vocabulary: Sequence[str], path: str) -> None:
    """Writes an encoder's weights beside its export.

    Args:
        encoder: As `build_encoder` makes it.
        vocabulary: Word n - 1 is that of id n.
        path: Folder of the exported model.
    """
    table = encoder.get_layer("behavior_embedding").embeddings
    arrays = {
        f"{_OTHER}_{number:03d}": keras.ops.convert_to_numpy(weight)
        for number, weight in enumerate(_others(encoder))
    }
    content = io.BytesIO()
    np.savez(
        content,
        **{_WORDS: np.frombuffer("\n".join(vocabulary).encode(), np.uint8)},
        **{_EMBEDDINGS: keras.ops.convert_to_numpy(table)},
        **arrays,
    )
    file = os.path.join(path, STATE_FILE)
    tf.io.gfile.makedirs(os.path.dirname(file))
    with tf.io.gfile.GFile(file, "wb") as target:
        target.write(content.getvalue())


def read_state(path: str) -> EncoderState | None:
    """Reads an encoder's weights.

    Args:
        path: Folder of an exported model.

    Returns:
        The weights; None if the model carries none.

    Raises:
        WarmStartError: The model is there no more.
    """
    check_there(path)
    file = os.path.join(path, STATE_FILE)
    if not tf.io.gfile.exists(file):
        return None
    with tf.io.gfile.GFile(file, "rb") as source:
        arrays = np.load(io.BytesIO(source.read()))
    others = sorted(name for name in arrays.files if name.startswith(_OTHER))
    return EncoderState(
        arrays[_WORDS].tobytes().decode().split("\n"),
        arrays[_EMBEDDINGS],
        [arrays[name] for name in others],
    )


def known_rows(state: EncoderState, vocabulary: Sequence[str]) -> np.ndarray:
    """Where the words of a vocabulary stand in an earlier one.

    >>> known_rows(EncoderState(["b", "a"], np.zeros((2, 1)), []), ["a", "new", "b"]).tolist()
    [1, -1, 0]

    Returns:
        Int [words], rows of the earlier embeddings, -1 for words that are new.
    """
    rows = {word: row for row, word in enumerate(state.words)}
    return np.array([rows.get(word, -1) for word in vocabulary], np.int64)


def start_vectors(usual: np.ndarray, earlier: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """What embeddings start from: those of before, and for new words their usual start.

    Vectors that were learnt anew have directions of their own. The usual ones are turned to those
    of before, by the words that both have (orthogonal Procrustes), so that new words lie among
    their neighbours.

    Args:
        usual: Float [words, d].
        earlier: Float [earlier words, d].
        rows: As `known_rows` returns them.

    Returns:
        Float32 [words, d].
    """
    known = rows >= 0
    if not known.any():
        return usual.astype("float32")
    rotation, _ = scipy.linalg.orthogonal_procrustes(usual[known], earlier[rows[known]])
    vectors = usual @ rotation
    vectors[known] = earlier[rows[known]]
    return vectors.astype("float32")


def assign_others(encoder: keras.Model, state: EncoderState) -> None:
    """Gives an encoder the earlier weights, but for the embeddings, if it has the same layers."""
    weights = _others(encoder)
    if [tuple(w.shape) for w in weights] != [w.shape for w in state.weights]:
        _progress.info("the earlier encoder has other layers: only its embeddings are kept")
        return
    for weight, value in zip(weights, state.weights, strict=True):
        weight.assign(value)


def check_dimension(state: EncoderState, dimension: int) -> None:
    """Sees that vectors of before and now are of one length.

    Raises:
        WarmStartError: They are not.
    """
    if state.embeddings.shape[1] != dimension:
        raise WarmStartError(
            f"`serving.compatible_with: previous` needs `encoder.dimension: "
            f"{state.embeddings.shape[1]}`, that of the earlier model; it is {dimension}. Keep it, "
            "or leave `compatible_with` out and train what uses the vectors anew."
        )


def _others(encoder: keras.Model) -> list[keras.Variable]:
    table = encoder.get_layer("behavior_embedding").embeddings
    return [weight for weight in encoder.weights if weight is not table]
