"""User vectors in the form that the RecSys Challenge 2025 takes, for its public evaluator.

python -m serving encode MODEL EVENTS --output vectors.parquet
python -m experiments recsys-submission vectors.parquet --output submission/
"""

from __future__ import annotations

import pathlib

import numpy as np

from experiments.datasets.writer import DataSetError
from serving.bulk.vectors import read_vectors

CLIENT_IDS = "client_ids.npy"
EMBEDDINGS = "embeddings.npy"
_LARGEST = 2048
"""Numbers of a vector that the challenge allows."""


def write_submission(vectors: str, output: str) -> tuple[int, int]:
    """Writes `client_ids.npy`, int64 [n], and `embeddings.npy`, float16 [n, d].

    Args:
        vectors: What `python -m serving encode` wrote; user ids must be whole numbers.
        output: Folder of the two files.

    Returns:
        Users and the size of a vector.

    Raises:
        DataSetError: An id is no number of 64 bits, occurs twice, or vectors are too large for the
            challenge or for float16.
    """
    folder = pathlib.Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    users = dimension = 0
    for ids, values in read_vectors(vectors):
        users, dimension = users + len(ids), values.shape[1]
    if dimension > _LARGEST:
        raise DataSetError(f"the challenge allows {_LARGEST} numbers a user, not {dimension}.")
    client_ids = np.lib.format.open_memmap(folder / CLIENT_IDS, "w+", np.int64, (users,))
    embeddings = np.lib.format.open_memmap(
        folder / EMBEDDINGS, "w+", np.float16, (users, dimension)
    )
    start = 0
    for ids, values in read_vectors(vectors):
        rows = slice(start, start + len(ids))
        try:
            client_ids[rows] = np.array([int(user) for user in ids], np.int64)
        except (ValueError, OverflowError) as error:
            raise DataSetError(
                f"{vectors}: the challenge needs whole numbers of 64 bits as user ids ({error})."
            ) from error
        if not (np.abs(values) <= np.finfo(np.float16).max).all():
            raise DataSetError(f"{vectors}: has numbers too large for float16, or none at all.")
        embeddings[rows] = values
        start = rows.stop
    if len(np.unique(client_ids)) < users:
        raise DataSetError(f"{vectors}: has a user twice.")
    client_ids.flush()
    embeddings.flush()
    return users, dimension
