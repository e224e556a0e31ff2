"""What every store of vectors can do."""

from __future__ import annotations

import abc
from collections.abc import Collection
from typing import Any

import pyarrow as pa

from contract.errors import UserError

ENCODING = "encoding"
"""Column of the fingerprint of the encoding that a row is from: what an export leaves behind of
an earlier one has another."""


class StoreError(UserError):
    """A store did not do what it was asked; the message says what to do."""


class Store(abc.ABC):
    """A table of user vectors: a row for each user and version of the model.

    What a client raises is passed on; `serving.stores.registry` knows it.

    Attributes:
        rows: So many are best given to `upsert` at once.
    """

    rows = 8192

    @abc.abstractmethod
    def begin(self, dimension: int) -> None:
        """Makes the table, or sees that the one that is there takes such vectors.

        Args:
            dimension: Length of a vector.

        Raises:
            StoreError: There is a table with vectors of another length.
        """

    @abc.abstractmethod
    def upsert(self, rows: pa.RecordBatch) -> None:
        """Writes rows, in the place of those of the same users and version.

        Args:
            rows: `user_id` string, `vector` float32[d], `behaviors` and `periods` int32,
                `model_version` int64, `encoding` string.
        """

    @abc.abstractmethod
    def finish(self, version: int, encoding: str) -> None:
        """Takes away what is of this version but not of this encoding: who is in it no more."""

    @abc.abstractmethod
    def count(self, version: int) -> int:
        """How many users of a version there are."""

    @abc.abstractmethod
    def find(self, user_ids: Collection[str]) -> set[str]:
        """Which of these users are there, of whatever version.

        Raises:
            StoreError: There is no table.
        """

    @abc.abstractmethod
    def forget(self, user_ids: Collection[str]) -> None:
        """Takes users out, of all versions, as far down as the store can.

        Raises:
            StoreError: There is no table.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Lets go of files and connections."""


def check_dimension(there: int, dimension: int, table: str) -> None:
    """Sees that a table's vectors are of the length of those that come.

    Raises:
        StoreError: They are not.
    """
    if there != dimension:
        raise StoreError(
            f"The table {table} has vectors of {there} numbers, these have {dimension}. Give "
            "--table another name."
        )


def no_table(table: str) -> StoreError:
    """The error that there is nothing to look into."""
    return StoreError(f"There is no table {table}. Give the --table that was exported to.")


def columns_of(rows: pa.RecordBatch) -> dict[str, list[Any]]:
    """A batch's columns by their names, as Python's values; of `vector` NumPy's rows."""
    found = {name: rows.column(name).to_pylist() for name in rows.schema.names if name != "vector"}
    return {**found, "vector": list(vectors_of(rows))}


def vectors_of(rows: pa.RecordBatch) -> Any:
    """A batch's vectors, float32 [n, d]."""
    return rows.column("vector").flatten().to_numpy().reshape(len(rows), -1)
