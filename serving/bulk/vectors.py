"""User vectors on disk: a folder of Parquet files, which readers take as one table."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.fs

from contract.errors import UsageError
from contract.features import USER_ID

ENCODING_FILE = "_encoding.json"
"""What the vectors are of; its name makes Parquet readers pass over it."""


BEHAVIOR_COUNT = "behaviors"
"""Column of the number of a user's events."""

HISTORY_DIGEST, CARRIED_OVER = "history_digest", "carried_over"
DIGEST_BYTES = 16

_REMEDY = "Give what `python -m serving encode` wrote."


class VectorsError(UsageError):
    """There are no user vectors where they were looked for, or not of this user."""


def schema(dimension: int) -> pa.Schema:
    """The columns.

    Args:
        dimension: Length of a vector.

    Returns:
        `user_id` string; `vector` float32[dimension]; `behaviors` int32, number of the user's
        events; `periods` int32, number of vectors that were pooled; `model_version` int64;
        `history_digest` binary[16], of the behaviours that the vector is made of; `carried_over`
        bool, whether it was taken from an earlier encoding that had the same.
    """
    return pa.schema(
        {
            USER_ID: pa.string(),
            "vector": pa.list_(pa.float32(), dimension),
            BEHAVIOR_COUNT: pa.int32(),
            "periods": pa.int32(),
            "model_version": pa.int64(),
            HISTORY_DIGEST: pa.binary(DIGEST_BYTES),
            CARRIED_OVER: pa.bool_(),
        }
    )


def read_vectors(path: str, rows: int = 65_536) -> Iterator[tuple[list[str], np.ndarray]]:
    """Reads user vectors piece by piece.

    Example:
        >>> for user_ids, vectors in read_vectors("vectors.parquet"):  # doctest: +SKIP
        ...     index.add(vectors)

    Args:
        path: What `python -m serving encode` wrote.
        rows: Users a piece, at most.

    Yields:
        User ids, and their vectors, float32 [n, d].

    Raises:
        VectorsError: There is nothing at the path, or no user vectors.
    """
    dimension = dimension_of(table := open_vectors(path))
    for batch in table.to_batches(columns=[USER_ID, "vector"], batch_size=rows):
        values = batch.column(1).flatten().to_numpy()
        yield batch.column(0).to_pylist(), values.reshape(-1, dimension)


def open_vectors(path: str) -> pyarrow.dataset.Dataset:
    """Opens user vectors, of which nothing is read yet.

    Args:
        path: What `python -m serving encode` wrote.

    Raises:
        VectorsError: There is nothing at the path, or no user vectors.
    """
    try:
        table = pyarrow.dataset.dataset(path, format="parquet")
    except FileNotFoundError:
        raise VectorsError(
            f"{path} does not exist; give the folder that `serving encode --output` wrote."
        ) from None
    except (pa.ArrowException, OSError) as error:
        raise VectorsError(f"{path} cannot be read as Parquet: {error}. {_REMEDY}") from error
    names = table.schema.names
    if missing := [name for name in (USER_ID, "vector") if name not in names]:
        has = f"only {', '.join(names)}" if names else "no Parquet file"
        raise VectorsError(f"{path} has no column {' and '.join(missing)}, {has}. {_REMEDY}")
    kind = table.schema.field("vector").type
    if not pa.types.is_fixed_size_list(kind):
        raise VectorsError(f"{path}: the column vector is {kind}, no user vectors. {_REMEDY}")
    return table


def dimension_of(table: pyarrow.dataset.Dataset) -> int:
    """Length of the vectors that `open_vectors` found."""
    return int(table.schema.field("vector").type.list_size)


def read_encoding(path: str) -> dict[str, Any]:
    """Reads what user vectors are of.

    Args:
        path: What `python -m serving encode` wrote.

    Returns:
        What `serving.bulk.encoding.encode_events` returns.

    Raises:
        VectorsError: There is no finished encoding.
    """
    files, folder = file_system(path)
    try:
        with files.open_input_stream(f"{folder}/{ENCODING_FILE}") as file:
            content: dict[str, Any] = json.loads(file.read())
    except (FileNotFoundError, NotADirectoryError):
        raise VectorsError(
            f"{path} is no finished encoding: run `python -m serving encode` again, which goes on "
            "where it was, or give what it wrote."
        ) from None
    return content


def file_system(path: str) -> tuple[pyarrow.fs.FileSystem, str]:
    """The file system of a path or URI, and the path in it."""
    files, folder = pyarrow.fs.FileSystem.from_uri(path if "://" in path else os.path.abspath(path))
    return files, folder.rstrip("/")


@dataclasses.dataclass(frozen=True)
class Neighbor:
    """A user and the cosine of the angle to the one asked for."""

    user_id: str
    similarity: float


def nearest_users(path: str, user_id: str, count: int) -> list[Neighbor]:
    """The users whose vectors point in the most similar direction, found exactly by FAISS.

    Reads all vectors once or twice; for many questions export them to a store.

    Args:
        path: What `python -m serving encode` wrote.
        user_id: Whose neighbours.
        count: How many.

    Returns:
        The neighbours, the nearest first, without the user.

    Raises:
        VectorsError: If there is no such user, or there are no vectors.
    """
    # Here, for what else reads vectors does without.
    import faiss
    from faiss.contrib.exhaustive_search import knn_ground_truth

    query = None
    for user_ids, vectors in read_vectors(path):
        if user_id in user_ids:
            query = _unit(vectors[[user_ids.index(user_id)]])
            break
    if query is None:
        raise VectorsError(f"{path} has no user {user_id}.")
    users: list[str] = []

    def unit_vectors():
        for user_ids, vectors in read_vectors(path):
            users.extend(user_ids)
            yield _unit(vectors)

    # One more, for the user is the nearest to the user.
    similarities, rows = knn_ground_truth(
        query, unit_vectors(), count + 1, faiss.METRIC_INNER_PRODUCT, ngpu=0
    )
    found = [
        Neighbor(users[row], float(similarity))
        for similarity, row in zip(similarities[0], rows[0], strict=True)
        # Where there are fewer, FAISS fills up with -1.
        if row >= 0 and users[row] != user_id
    ]
    return sorted(found, key=lambda each: (-each.similarity, each.user_id))[:count]


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
