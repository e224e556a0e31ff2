"""User vectors in an object store: a folder of their own that never changes once it is complete."""

from __future__ import annotations

import json
import os

from ingestion.stores import check_writable, file_systems, list_files, upload
from serving.bulk.vectors import ENCODING_FILE


def publish_vectors(vectors: str, folder: str) -> str:
    """Copies what `encode_events` wrote into a folder of a store.

    Args:
        vectors: The folder.
        folder: Of the store.

    Returns:
        Where they are: `folder/VERSION-FINGERPRINT`, of the model and of what was encoded. It is
        complete when it has `_encoding.json`, which comes last.

    Raises:
        StoreError: The store refuses.
    """
    with file_systems().open(os.path.join(vectors, ENCODING_FILE)) as file:
        summary = json.load(file)
    target = f"{folder.rstrip('/')}/{summary['model_version']}-{summary['fingerprint']}"
    check_writable(target)
    if ENCODING_FILE not in list_files(target):
        for name in [*sorted(summary["files"].values()), ENCODING_FILE]:
            upload(os.path.join(vectors, name), f"{target}/{name}")
    return target
