"""Checks of the examples: what would make the figures worthless, each with its evidence."""

from __future__ import annotations

import array
import hashlib
import itertools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from audit.label_times import label_times_check, last_moment
from contract.features import BEHAVIORS, USER_ID
from contract.splits import SPLITS

_HASH_BYTES = 8
_BATCH = 1024


def data_checks(
    examples: str,
    configuration: Mapping[str, Any],
    label_times: Mapping[str, float] | None,
    latest: float | None,
) -> list[dict[str, Any]]:
    """Makes every check of the examples.

    Args:
        examples: Folder of the labelled examples.
        configuration: Of the pipeline.
        label_times: As of `audit.label_times.label_times_check`.
        latest: Of all behaviours that were read, Unix seconds; None: not known.

    Returns:
        JSON objects: `name`, `holds` (None: not known) and `evidence`, a sentence.
    """
    return [
        *split_checks({split: os.path.join(examples, f"Split-{split}", "*") for split in SPLITS}),
        windows_check(configuration),
        label_times_check(examples, label_times, last_moment(configuration, latest)),
    ]


def split_checks(patterns: Mapping[str, str]) -> list[dict[str, Any]]:
    """Whether users, or whole histories, are in two splits.

    Args:
        patterns: Split -> files of labelled examples, gzipped TFRecords.
    """
    users, histories = {}, {}
    for split, pattern in patterns.items():
        users[split], histories[split] = _hashes(pattern)
    counts = ", ".join(f"{split} {len(each):,}" for split, each in users.items())
    return [
        _overlap("No user is in two splits", "users", users, f"users: {counts}"),
        _overlap(
            "No history is in two splits",
            "different histories",
            histories,
            "two users can have written the same few texts",
        ),
    ]


def windows_check(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Whether what is predicted lies after what it is predicted from."""
    name = "History and target do not overlap"
    division = configuration.get("data", {}).get("division")
    if not isinstance(division, Mapping):
        return {"name": name, "holds": None, "evidence": "the configuration does not say"}
    if division["method"] != "windows":
        evidence = (
            f"every user's behaviours are divided in their order, method {division['method']}"
        )
        return {"name": name, "holds": True, "evidence": evidence}
    history, target = division["history"], division["target"]
    return {
        "name": name,
        "holds": history["end"] <= target["start"],
        "evidence": f"the history ends at {history['end']:.0f}, the target begins at "
        f"{target['start']:.0f} (Unix seconds)",
    }


def _overlap(
    name: str, what: str, hashes: Mapping[str, np.ndarray], evidence: str
) -> dict[str, Any]:
    shared = {
        f"{one} and {other}": len(np.intersect1d(hashes[one], hashes[other]))
        for one, other in itertools.combinations(hashes, 2)
    }
    counts = ", ".join(f"{pair} {number:,}" for pair, number in shared.items())
    return {
        "name": name,
        "holds": not any(shared.values()),
        "evidence": f"{what} in both {counts}; {evidence}",
    }


def _hashes(pattern: str) -> tuple[np.ndarray, np.ndarray]:
    """Uint64 [users], hashes of the users and of their histories."""
    spec = {
        USER_ID: tf.io.FixedLenFeature([], tf.string),
        BEHAVIORS: tf.io.RaggedFeature(tf.string),
    }
    records = tf.data.TFRecordDataset(sorted(tf.io.gfile.glob(pattern)), "GZIP").batch(_BATCH)
    users, histories = array.array("Q"), array.array("Q")
    for features in records.map(lambda batch: tf.io.parse_example(batch, spec)):
        users.extend(_hash([user]) for user in features[USER_ID].numpy())
        histories.extend(_hash(texts) for texts in features[BEHAVIORS].to_list())
    return np.array(users, np.uint64), np.array(histories, np.uint64)


def _hash(texts: Sequence[bytes]) -> int:
    digest = hashlib.blake2b(digest_size=_HASH_BYTES)
    for text in texts:
        digest.update(len(text).to_bytes(8, "big"))
        digest.update(text)
    return int.from_bytes(digest.digest(), "big")
