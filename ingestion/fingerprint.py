"""Whether files changed, told from their names, sizes and times; they are not read."""

from __future__ import annotations

import hashlib

from apache_beam.io.filesystems import FileSystems

from ingestion.errors import DataError


def fingerprint_of(patterns: list[str]) -> str:
    """Hashes paths, sizes and times of modification of all files that match.

    Args:
        patterns: Paths or patterns of any of Beam's file systems.

    Returns:
        64 hexadecimal digits.

    Raises:
        DataError: If a pattern matches nothing.
    """
    digest = hashlib.sha256()
    for pattern, result in zip(patterns, FileSystems.match(patterns), strict=True):
        if not result.metadata_list:
            raise DataError(
                f"No file matches {pattern}. Mend kubeflow.events and kubeflow.labels, or the "
                "run's parameter `data`; look whether the volume is mounted and has the files."
            )
        for metadata in sorted(result.metadata_list, key=lambda metadata: metadata.path):
            digest.update(
                f"{metadata.path}\0{metadata.size_in_bytes}\0"
                f"{metadata.last_updated_in_seconds}\n".encode()
            )
    return digest.hexdigest()
