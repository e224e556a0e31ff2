"""The digest that names a model's exact content, from its blessing to its push."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from tfx.dsl.io import fileio

from serving.releases.releases import AUDIT_FOLDER, MODEL_CARD

_CHUNK_BYTES = 1 << 20

MODEL_DIGEST_PROPERTY = "model_digest"
"""Custom property of `ModelBlessing` and `PushedModel` artifacts that carries the digest."""


def model_digest(path: str) -> str:
    """SHA-256 over the names and contents of all files below a model's folder.

    Args:
        path: Folder of a SavedModel, local or remote; the names count relative to it, so a copy of
            the folder has the same digest. The model card and what a version carries of its audit,
            which tell the digest, do not count.

    Returns:
        64 hexadecimal digits.

    Raises:
        FileNotFoundError: If there is no file below `path`.
    """
    return digest_of(file_digests(path))


def file_digests(path: str) -> dict[str, str]:
    """SHA-256 of every file below a model's folder, by its name relative to it, in order.

    Args:
        path: As of `model_digest`.

    Raises:
        FileNotFoundError: If there is no file below `path`.
    """
    files = sorted(
        os.path.relpath(os.path.join(folder, name), path)
        for folder, _, names in fileio.walk(path)
        for name in names
        if not _tells_the_digest(os.path.relpath(os.path.join(folder, name), path))
    )
    if not files:
        raise FileNotFoundError(f"No model files in {path}.")
    return {name: sha256_of(os.path.join(path, name)) for name in files}


def _tells_the_digest(name: str) -> bool:
    return name == MODEL_CARD or name.startswith(AUDIT_FOLDER + os.sep)


def digest_of(files: Mapping[str, str]) -> str:
    """The digest of a model whose files' digests are known.

    Args:
        files: As `file_digests` returns them.
    """
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()


def sha256_of(path: str) -> str:
    """SHA-256 of one file, local or remote."""
    content = hashlib.sha256()
    with fileio.open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            content.update(chunk)
    return content.hexdigest()
