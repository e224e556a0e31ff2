"""Tables of the audit in Parquet files, and matrices in their columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tfx.dsl.io import fileio


def write_parquet(table: pa.Table, path: str) -> None:
    """Writes a table to a file, local or of an object store."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    with fileio.open(path, "wb") as file:
        file.write(sink.getvalue().to_pybytes())


def read_parquet(path: str) -> pa.Table:
    """Reads what `write_parquet` wrote."""
    with fileio.open(path, "rb") as file:
        return pq.read_table(pa.BufferReader(file.read()))


def to_lists(rows: np.ndarray) -> pa.Array:
    """A column of float32 lists of one length, from float [n, size]."""
    flat = pa.array(rows.astype(np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, rows.shape[1])


def to_rows(lists: pa.Array) -> np.ndarray:
    """Float32 [n, size], from what `to_lists` made."""
    rows: np.ndarray = lists.flatten().to_numpy().reshape(len(lists), -1)
    return rows
