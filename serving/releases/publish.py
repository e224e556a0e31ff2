"""A copied model becomes a version: at once, with a number of its own, and served."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from serving.releases.durable import sync_folder, sync_tree
from serving.releases.leftovers import remove_leftovers
from serving.releases.model_card import write_model_card
from serving.releases.model_digest import model_digest
from serving.releases.releases import AUDIT_FOLDER, MODEL_CARD, Releases
from serving.releases.unserved import note_unserved, unserved
from serving.releases.versions import newest_version, version_path

_READOPTING = ".auditing-"


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


def readopt(version: str, card: dict[str, Any], carry: Callable[[str], None]) -> None:
    """Gives a version that is served already the audit that was made of it since.

    Args:
        version: Its path.
        card: Its model card, with the new audit among the lineage.
        carry: Copies what a version carries of its audit into a folder.
    """
    base = os.path.dirname(version)
    releases = Releases(base)
    with releases.lock():
        remove_leftovers(base, _READOPTING)
        with tempfile.TemporaryDirectory(prefix=_READOPTING, dir=base) as made:
            carry(made)
            write_model_card(card, made)
            sync_tree(made)
            # Whoever looks in between finds none, or a card of another, and passes it over.
            shutil.rmtree(os.path.join(version, AUDIT_FOLDER), ignore_errors=True)
            os.rename(os.path.join(made, AUDIT_FOLDER), os.path.join(version, AUDIT_FOLDER))
            os.replace(os.path.join(made, MODEL_CARD), os.path.join(version, MODEL_CARD))
            sync_folder(version)
        releases.note_audit(card["version"])


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
