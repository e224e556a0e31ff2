"""Which versions a model's folder has: the one definition of a complete version."""

from __future__ import annotations

import os

SAVED_MODEL = "saved_model.pb"
"""The file that makes a folder a version; whoever writes one writes this file last."""


def complete_versions(model_dir: str) -> list[int]:
    """Returns the versions that TF Serving would find, oldest first.

    A version is a folder whose name is a number and that has a `saved_model.pb`. What is being
    written or deleted has another name, or lacks the file.

    Args:
        model_dir: Folder of versions, local or of an object store; need not exist.
    """
    is_dir, list_dir, _ = _file_system(model_dir)
    if not is_dir(model_dir):
        return []
    # Object stores put a slash behind the names of folders.
    names = (name.rstrip("/") for name in list_dir(model_dir))
    numbers = sorted(int(name) for name in names if _is_number(name))
    return [number for number in numbers if is_complete(version_path(model_dir, number))]


def newest_version(model_dir: str) -> str | None:
    """Returns the path of the complete version with the highest number; None if there is none."""
    numbers = complete_versions(model_dir)
    return version_path(model_dir, numbers[-1]) if numbers else None


def version_path(model_dir: str, number: int) -> str:
    """Returns the folder of a version."""
    return os.path.join(model_dir, str(number))


def is_complete(path: str) -> bool:
    """Returns whether a folder holds a whole model."""
    _, _, exists = _file_system(path)
    return bool(exists(os.path.join(path, SAVED_MODEL)))


def _is_number(name: str) -> bool:
    # "٣" is a digit too, and 007 would be looked for as 7.
    return name.isascii() and name.isdigit() and str(int(name)) == name


def _file_system(path: str):
    """Returns `isdir`, `listdir` and `exists` for a path; loads TFX for object stores only."""
    if "://" not in path:
        return os.path.isdir, os.listdir, os.path.exists
    from tfx.dsl.io import fileio

    return fileio.isdir, fileio.listdir, fileio.exists
