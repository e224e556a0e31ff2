"""Turns new user vectors so that they lie where those of the model before lie."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.linalg
import tensorflow as tf

from contract.signatures import USER_VECTOR
from trainer.earlier_model import WarmStartError, check_there
from trainer.heads.training import batches_of

ALIGNMENT_FILE = os.path.join("assets.extra", "alignment.npz")
"""In the folder of an exported model that was aligned; TF Serving passes over it."""

_PROBES = 20_000
"""So many users determine 256 directions many times over."""

_progress = logging.getLogger("progress")


class Alignment(NamedTuple):
    """How a model's vectors were turned.

    Attributes:
        rotation: Float32 [d, d], orthogonal: aligned = unaligned @ rotation.
        previous: Path of the model that they were turned to.
        probes: Users whom it was fitted on.
    """

    rotation: np.ndarray
    previous: str
    probes: int


def align(vectors: np.ndarray, file_patterns: Sequence[str], previous: str) -> Alignment:
    """Fits the orthogonal map to an earlier model's vectors of the same users.

    It is the solution of the orthogonal Procrustes problem (Schönemann, 1966): of all rotations and
    reflections the one that leaves the least squared distance. Lengths and angles between the new
    vectors stay as they are.

    Args:
        vectors: Float32 [users, d], of the new model, of the examples in their order.
        file_patterns: Of these examples.
        previous: Folder of the earlier model.

    Raises:
        WarmStartError: The earlier vectors are of another length, or the model is gone.
    """
    check_there(previous)
    model = tf.saved_model.load(previous)
    found: list[np.ndarray] = []
    users = 0
    for serialized in batches_of(file_patterns):
        found.append(model.encode_examples(serialized)[USER_VECTOR].numpy())
        users += len(found[-1])
        _progress.info("%d users encoded by the earlier model", users)
        if users >= _PROBES:
            break
    earlier = np.concatenate(found)
    if earlier.shape[1] != vectors.shape[1]:
        raise WarmStartError(
            f"`serving.compatible_with: previous` needs `encoder.dimension: {earlier.shape[1]}`, "
            f"that of the earlier model; it is {vectors.shape[1]}. Keep it, or leave "
            "`compatible_with` out and train what uses the vectors anew."
        )
    rotation = procrustes(vectors[:users], earlier)
    return Alignment(rotation.astype("float32"), previous, users)


def procrustes(vectors: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """The orthogonal map that brings vectors nearest to earlier ones.

    >>> turned = np.array([[0.0, 1.0], [-2.0, 0.0]])
    >>> procrustes(turned, np.array([[1.0, 0.0], [0.0, 2.0]])).round(6).tolist()
    [[0.0, -1.0], [1.0, 0.0]]

    Args:
        vectors: Float [users, d].
        earlier: Float [users, d], of the same users.

    Returns:
        Float64 [d, d]: `vectors @ procrustes(vectors, earlier)` is nearest to `earlier`.
    """
    rotation, _ = scipy.linalg.orthogonal_procrustes(
        vectors.astype("float64"), earlier.astype("float64")
    )
    return rotation


def write_alignment(alignment: Alignment, path: str) -> None:
    """Writes how a model was aligned, into the folder of its export."""
    content = io.BytesIO()
    np.savez(content, **alignment._asdict())
    file = os.path.join(path, ALIGNMENT_FILE)
    tf.io.gfile.makedirs(os.path.dirname(file))
    with tf.io.gfile.GFile(file, "wb") as target:
        target.write(content.getvalue())


def read_alignment(path: str) -> Alignment | None:
    """Reads how the model in a folder was aligned; None if it was not."""
    file = os.path.join(path, ALIGNMENT_FILE)
    if not tf.io.gfile.exists(file):
        return None
    with tf.io.gfile.GFile(file, "rb") as source:
        arrays = np.load(io.BytesIO(source.read()))
    return Alignment(arrays["rotation"], str(arrays["previous"]), int(arrays["probes"]))
