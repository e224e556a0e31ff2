"""Opens the stored bytes of a file, on this machine or in a store."""

from __future__ import annotations

from typing import BinaryIO

from ingestion.stores import file_systems, is_stored


def open_stored(path: str) -> BinaryIO:
    """Opens a file as it is stored; only a file of a store takes Beam, which is slow to import."""
    if not is_stored(path):
        return open(path, "rb")
    from apache_beam.io.filesystem import CompressionTypes

    stored: BinaryIO = file_systems().open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return stored
