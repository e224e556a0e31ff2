"""Which bucket of users an id falls into."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingestion.string_columns import bytes_of
from ingestion.values import loose_user_id

_WORD = 8
# Longer ids are few; those are hashed by name first.
_LONGEST = 64
# SplitMix64's, whose every bit depends on every bit of what came in.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
_LAST_SHIFT = np.uint64(31)
# Small letters instead of capital ones; zero where a byte makes an id no plain one.
_FOLDED = np.zeros(256, np.uint8)
for _byte in b"0123456789abcdefghijklmnopqrstuvwxyz_-:@./|#+=":
    _FOLDED[_byte] = _byte
for _byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ":
    _FOLDED[_byte] = _byte + 32
_ZERO, _DOT = ord("0"), ord(".")


def buckets_of(user_ids: pa.Array, count: int) -> npt.NDArray[np.int64]:
    """Returns the buckets of users, the same for ids that are easily confused.

    Unlike a CRC they do not go with the split.

    Args:
        user_ids: string[n] or large_string[n].
        count: Number of buckets.

    Returns:
        int64[n], from 0.
    """
    if count == 1:
        return np.zeros(len(user_ids), np.int64)
    content, starts, stops = bytes_of(user_ids)
    lengths = stops - starts
    hashes = np.zeros(len(user_ids), np.uint64)
    plain = np.zeros(len(user_ids), bool)
    short = np.flatnonzero((lengths > 0) & (lengths <= _LONGEST))
    for length in np.unique(lengths[short]):
        rows = short[lengths[short] == length]
        letters = _FOLDED[content[starts[rows][:, None] + np.arange(length)]]
        good = (letters > 0).all(axis=1) & (letters[:, 0] != _ZERO)
        if length > 1:
            good &= (letters[:, -1] != _ZERO) | (letters[:, -2] != _DOT)
        hashes[rows[good]] = _hash(letters[good])
        plain[rows[good]] = True
    for row in np.flatnonzero(~plain):
        hashes[row] = _hash_of(loose_user_id(user_ids[int(row)].as_py()).encode())
    return (hashes % np.uint64(count)).astype(np.int64)


def bucket_of(user_id: str, count: int) -> int:
    """Returns the bucket of one user, as `buckets_of` does."""
    return int(buckets_of(pa.array([user_id], pa.string()), count)[0])


def _hash_of(name: bytes) -> np.uint64:
    if len(name) > _LONGEST:
        name = hashlib.blake2b(name, digest_size=_LONGEST).digest()
    hashed: np.uint64 = _hash(np.frombuffer(name, np.uint8)[None])[0]
    return hashed


def _hash(names: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Hashes names of one length, uint8[n, length]."""
    count, length = names.shape
    padded = np.zeros((count, -(-length // _WORD) * _WORD), np.uint8)
    padded[:, :length] = names
    words = padded.view("<u8").astype(np.uint64, copy=False)
    hashes = np.full(count, length, np.uint64)
    for word in words.T:
        hashes = (hashes ^ word) + _STEP
        for shift, factor in _MIX:
            hashes = (hashes ^ (hashes >> shift)) * factor
        hashes ^= hashes >> _LAST_SHIFT
    return hashes
