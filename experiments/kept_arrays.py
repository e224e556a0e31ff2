"""Arrays that took long to make, in a file."""

from __future__ import annotations

import os
import uuid
import zipfile
from collections.abc import Mapping

import numpy as np


def read_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray] | None:
    """Reads what `write_arrays` wrote.

    Args:
        path: Of the file.

    Returns:
        Name to array; None if there is no file, or none that is whole.
    """
    try:
        with np.load(path) as arrays:
            return dict(arrays)
    except (FileNotFoundError, zipfile.BadZipFile):
        return None


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a file at once: a process that is killed leaves none, or all of it.

    Args:
        path: Of the file, in a folder that is made.
        arrays: By name.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    unfinished = f"{os.fspath(path)}.{uuid.uuid4().hex}.npz"
    np.savez(unfinished, **arrays)
    os.replace(unfinished, path)
