"""Vectors of an earlier encoding, for users of whom nothing new is known."""

from __future__ import annotations

import json
import os
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from contract.errors import UserError
from contract.features import USER_ID
from ingestion.buckets import bucket_of
from serving.bulk.config import EncodingConfig
from serving.bulk.vectors import ENCODING_FILE, HISTORY_DIGEST

_SETTINGS = ("period_days", "max_behaviors")
_COLUMNS = [USER_ID, "vector", HISTORY_DIGEST]


class PreviousError(UserError):
    """The earlier vectors cannot be carried over; the message says why."""


class Previous(NamedTuple):
    """An earlier encoding by the same model with the same settings.

    Attributes:
        fingerprint: What it is of.
        buckets: In how many parts the users were divided.
        parts: Number of a part to its file.
    """

    fingerprint: str
    buckets: int
    parts: dict[int, str]

    def vectors(self, number: int, buckets: int) -> dict[str, tuple[bytes, np.ndarray]]:
        """Reads what is known of the users of one bucket.

        Args:
            number: Of the bucket.
            buckets: How many there are now; where there were as many, one file is read.

        Returns:
            User id to the digest of the behaviours and the vector, float32 [d].
        """
        same = buckets == self.buckets
        paths = [self.parts[number]] if same and number in self.parts else []
        if not same:
            paths = list(self.parts.values())
        found = {}
        for path in paths:
            with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
                for batch in pq.ParquetFile(file).iter_batches(columns=_COLUMNS):
                    users, vectors, digests = (batch.column(name) for name in _COLUMNS)
                    rows = vectors.flatten().to_numpy().reshape(len(batch), -1)
                    for user_id, digest, row in zip(
                        users.to_pylist(), digests.to_pylist(), rows, strict=True
                    ):
                        if same or bucket_of(user_id, buckets) == number:
                            found[user_id] = (digest, row)
        return found


def settings_of(config: EncodingConfig) -> dict[str, object]:
    """Returns what of a configuration changes the vector of the same behaviours."""
    return {name: getattr(config, name) for name in _SETTINGS}


def find_previous(path: str, digest: str, config: EncodingConfig) -> Previous:
    """Looks whether an earlier encoding's vectors can be carried over.

    Args:
        path: What an earlier call wrote.
        digest: Of the model that encodes now.
        config: That it encodes with.

    Raises:
        PreviousError: The path holds no finished encoding, or one by another model or with other
            settings.
    """
    encoding = os.path.join(path, ENCODING_FILE)
    if not FileSystems.exists(encoding):
        raise PreviousError(
            f"{path} is no finished encoding. Give the --output of an earlier one, or none."
        )
    with FileSystems.open(encoding) as file:
        summary = json.load(file)
    if "files" not in summary:
        raise PreviousError(
            f"{path} does not say what its vectors are made of: it was written before vectors "
            "could be carried over. Encode all users once."
        )
    if summary["model_digest"] != digest:
        raise PreviousError(
            f"{path} has the vectors of another model (version {summary['model_version']}), which "
            "cannot be compared. Encode all users once."
        )
    if summary["settings"] != settings_of(config):
        raise PreviousError(
            f"{path} was encoded with {_shown(summary['settings'])}, this is with "
            f"{_shown(settings_of(config))}. Encode all users once, or with the same settings."
        )
    parts = {int(number): os.path.join(path, name) for number, name in summary["files"].items()}
    return Previous(summary["fingerprint"], summary["buckets"], parts)


def _shown(settings: dict[str, object]) -> str:
    return " and ".join(f"{name} {value}" for name, value in settings.items())
