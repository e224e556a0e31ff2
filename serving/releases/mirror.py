"""A model's versions in an object store, which has neither folders to rename nor a lock.

What makes up for that is the order: of a version `saved_model.pb` comes last, for that file makes
a folder a version; `models.config`, which names what is served, comes after all versions that it
names; and a version that goes loses `saved_model.pb` first. Each object appears as a whole or not
at all. So whoever looks in between sees a state that a folder of this machine could be in.
"""

from __future__ import annotations

import json
import logging
import os

from ingestion.stores import check_writable, file_systems, list_files, remove_folder, upload
from serving.releases.errors import ReleaseError
from serving.releases.releases import AUDIT_FOLDER, CONFIG_FILE, MODEL_CARD, Releases
from serving.releases.versions import SAVED_MODEL

_log = logging.getLogger(__name__)


def publish_model(model_dir: str, folder: str, keep: int | None = None) -> list[int]:
    """Brings a model's versions, and what is served of them, into a folder of a store.

    A second call brings what is missing or was released, rolled back or audited since. Versions
    that are not on this machine stay in the store, as far as `keep` allows.

    Args:
        model_dir: Folder of versions, on this machine.
        folder: Of the store; the versions go to `folder/NAME/VERSION`, their `models.config` to
            `folder/NAME`, with NAME that of `model_dir`.
        keep: How many of the newest versions stay in the store, and those that are served; None:
            all.

    Returns:
        The versions that were brought.

    Raises:
        ReleaseError: There is no version, or the store has another model as a version of a number.
        StoreError: The store refuses.
    """
    releases = Releases(model_dir)
    with releases.lock():
        config, numbers = releases.config_of_model(), releases.numbers()
        served, _ = releases.state()
    if not numbers:
        raise ReleaseError(f"{model_dir} has no versions.")
    target = f"{folder.rstrip('/')}/{releases.name}"
    check_writable(target)
    stored = list_files(target)
    brought = []
    for number in numbers:
        try:
            if _bring(os.path.join(model_dir, str(number)), f"{target}/{number}", stored):
                brought.append(number)
        except FileNotFoundError:
            # Another push has deleted it meanwhile, which nothing that is served can be.
            if number in served:
                raise
    with file_systems().create(f"{target}/{CONFIG_FILE}") as file:
        file.write(config.encode())
    if keep:
        _prune(target, {*served}, {*_complete(stored), *brought}, keep)
    _log.info("%s: versions %s published", target, brought or "none")
    return brought


def _bring(version: str, target: str, stored: dict[str, int]) -> bool:
    """Copies a version, or what changed of one that is there; returns whether anything did."""
    number = os.path.basename(version)
    names = [
        os.path.relpath(os.path.join(folder, name), version)
        for folder, _, files in os.walk(version)
        for name in files
    ]
    if f"{number}/{SAVED_MODEL}" in stored:
        card, other = _card(version), _card(target)
        if card == other:
            return False
        if card.get("digest") != other.get("digest"):
            raise ReleaseError(
                f"{target} is another model than {version}. Publish to another folder, or delete "
                "the one that is not wanted."
            )
        # The same model was audited once more.
        names = [name for name in names if name.startswith(f"{AUDIT_FOLDER}/")] + [MODEL_CARD]
    for name in sorted(names, key=lambda name: (name == SAVED_MODEL, name == MODEL_CARD)):
        upload(os.path.join(version, name), f"{target}/{name}")
    return True


def _card(version: str) -> dict:
    path = f"{version}/{MODEL_CARD}"
    if not file_systems().exists(path):
        return {}
    with file_systems().open(path) as file:
        card: dict = json.load(file)
    return card


def _complete(stored: dict[str, int]) -> set[int]:
    ends = f"/{SAVED_MODEL}"
    return {
        int(path.removesuffix(ends))
        for path in stored
        if path.endswith(ends) and path.removesuffix(ends).isdecimal()
    }


def _prune(target: str, served: set[int], numbers: set[int], keep: int) -> None:
    for number in sorted(numbers)[:-keep]:
        if number not in served:
            file_systems().delete([f"{target}/{number}/{SAVED_MODEL}"])
            remove_folder(f"{target}/{number}")
            _log.info("%s/%d deleted", target, number)
