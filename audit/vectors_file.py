"""Vectors of the probe users on disk."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from audit.parquet import read_parquet, to_lists, to_rows, write_parquet
from audit.scoring import Vectors

VECTORS_FILE = "vectors.parquet"

_USER, _WORDLESS, _VECTOR, _BASELINE = "user", "wordless", "vector", "baseline_vector"


def write_vectors(vectors: Vectors, path: str) -> None:
    """Writes a Parquet file: `user`, `wordless`, `vector` and, if there is one, the baseline's."""
    columns = {
        _USER: pa.array(vectors.users.tolist(), pa.string()),
        _WORDLESS: pa.array(vectors.wordless),
        _VECTOR: to_lists(vectors.vectors),
    }
    if vectors.baseline is not None:
        columns[_BASELINE] = to_lists(vectors.baseline)
    write_parquet(pa.table(columns), path)


def read_vectors(path: str) -> Vectors:
    """Reads what `write_vectors` wrote."""
    table = read_parquet(path)

    def lists(name: str) -> np.ndarray:
        return to_rows(table.column(name).combine_chunks())

    return Vectors(
        users=np.array(table.column(_USER).to_pylist(), dtype=np.str_),
        vectors=lists(_VECTOR),
        wordless=np.array(table.column(_WORDLESS).to_pylist(), dtype=bool),
        baseline=lists(_BASELINE) if _BASELINE in table.column_names else None,
    )
