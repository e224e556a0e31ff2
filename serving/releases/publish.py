"""A copied model becomes a version: at once, with a number of its own, and served."""

from __future__ import annotations

import errno
import os
from typing import Any

import tensorflow as tf

from serving.releases.durable import sync_folder, sync_tree
from serving.releases.model_card import write_model_card
from serving.releases.model_digest import model_digest
from serving.releases.releases import Releases
from serving.releases.unserved import note_unserved, unserved
from serving.releases.versions import newest_version, version_path


def is_model(path: str, digest: str) -> bool:
    """Whether a version is the model of a digest; one that is deleted meanwhile is not."""
    try:
        return model_digest(path) == digest
    except (FileNotFoundError, tf.errors.NotFoundError):
        return False


def complete_push(base: str, version: str, keep: int | None) -> None:
    """Has a version served whose push died before it was; otherwise changes nothing.

    Args:
        base: Folder of versions.
        version: Path of the newest one.
        keep: How many versions stay; without: all.
    """
    releases = Releases(base)
    with releases.lock():
        number = int(os.path.basename(version))
        if unserved(base) == number:
            _serve(releases, number, keep)


def publish(
    staged: str, base: str, card: dict[str, Any], newest_before: str | None, keep: int | None
) -> str:
    """Makes a copied model a version that is served, and deletes old ones.

    Args:
        staged: The copy, on the disk of `base`.
        base: Folder of versions.
        card: Its model card; the number in it is the lowest that the version may get.
        newest_before: The newest version when it was last compared with this model.
        keep: How many versions stay; without: all.

    Returns:
        Path of the version: the newest that another process pushed meanwhile, if that is the same
        model.
    """
    releases = Releases(base)
    # Only here is the newest version sure to stay the newest.
    with releases.lock():
        newest = newest_version(base)
        if newest and newest != newest_before and is_model(newest, card["digest"]):
            complete_push(base, newest, keep)
            return newest
        version = card["version"]
        if newest:
            # A clock that was set back, or two pushes in a second.
            version = max(version, int(os.path.basename(newest)) + 1)
        while True:
            write_model_card({**card, "version": version}, staged)
            sync_tree(staged)
            note_unserved(base, version)
            path = version_path(base, version)
            try:
                os.rename(staged, path)
                sync_folder(base)
                break
            except OSError as error:
                # A folder that is no complete version has the number; or, where the file system
                # has no locks, another push was quicker.
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                version += 1
        _serve(releases, version, keep)
    return path


def _serve(releases: Releases, number: int, keep: int | None) -> None:
    releases.serve(number)
    if keep:
        releases.prune(keep)
