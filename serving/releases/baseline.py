"""The model that a new one is compared with, found among the pushed versions.

What was pushed was blessed, and its model card has the digest of the files that were: a version
whose files have it, and whose audit holds, is the model to compare with.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable

from tfx.dsl.io import fileio

from serving.releases.model_digest import model_digest
from serving.releases.releases import MODEL_CARD
from serving.releases.versions import complete_versions, version_path


def find_baseline(
    serving_dir: str, candidate: str, doubts: Callable[[str, str], Iterable[str]]
) -> str | None:
    """The newest version that is proven to have been blessed and is not the candidate.

    Args:
        serving_dir: Folder with one numbered folder a version.
        candidate: Digest of the candidate.
        doubts: Of a version's path and its files' digest, why it should not be trusted.

    Returns:
        Path of the version; None if there is none.
    """
    for number in reversed(complete_versions(serving_dir)):
        path = version_path(serving_dir, number)
        card = os.path.join(path, MODEL_CARD)
        if not fileio.exists(card):
            logging.warning("%s has no model card; it is passed over.", path)
            continue
        with fileio.open(card) as file:
            blessed = json.load(file)["digest"]
        digest = model_digest(path)
        if digest != blessed:
            logging.warning("%s is not what was blessed; it is passed over.", path)
        elif digest != candidate:
            if not (wrong := list(doubts(path, digest))):
                return path
            logging.warning(
                "The audit of %s does not hold; it is passed over: %s.", path, "; ".join(wrong)
            )
    return None
