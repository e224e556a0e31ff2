"""The digest that names a model's exact content, from its blessing to its push."""

from __future__ import annotations

import hashlib
import os

from tfx.dsl.io import fileio

from serving.releases.releases import MODEL_CARD

_CHUNK_BYTES = 1 << 20

MODEL_DIGEST_PROPERTY = "model_digest"
"""Custom property of `ModelBlessing` and `PushedModel` artifacts that carries the digest."""


def model_digest(path: str) -> str:
    """SHA-256 over the names and contents of all files below a model's folder.

    Args:
        path: Folder of a SavedModel, local or remote; the names count relative to it, so a copy of
            the folder has the same digest. The model card, which tells the digest, does not count.

    Returns:
        64 hexadecimal digits.

    Raises:
        FileNotFoundError: If there is no file below `path`.
    """
    files = sorted(
        os.path.relpath(os.path.join(folder, name), path)
        for folder, _, names in fileio.walk(path)
        for name in names
        if os.path.relpath(os.path.join(folder, name), path) != MODEL_CARD
    )
    if not files:
        raise FileNotFoundError(f"No model files in {path}.")
    digest = hashlib.sha256()
    for name in files:
        content = hashlib.sha256()
        with fileio.open(os.path.join(path, name), "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                content.update(chunk)
        digest.update(f"{name}\0{content.hexdigest()}\n".encode())
    return digest.hexdigest()
