"""LanceDB: a folder, or a URI that its client knows (s3://, gs://, db://)."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Collection

import lancedb
import pyarrow as pa

from contract.features import USER_ID
from serving.bulk.vectors import BEHAVIOR_COUNT
from serving.stores.store import ENCODING, Store, StoreError, check_dimension, no_table

ERRORS = (OSError, RuntimeError, ValueError)


class LanceStore(Store):
    """A LanceDB table.

    Args:
        destination: Folder or URI; credentials are read from the environment by LanceDB.
        table: Its name.
    """

    # A merge reads all keys of the table: few large ones.
    rows = 65_536

    def __init__(self, destination: str, table: str):
        self._database = lancedb.connect(destination)
        self._name = table

    def begin(self, dimension: int) -> None:
        """See base class."""
        schema = pa.schema(
            {
                USER_ID: pa.string(),
                "vector": pa.list_(pa.float32(), dimension),
                BEHAVIOR_COUNT: pa.int32(),
                "periods": pa.int32(),
                "model_version": pa.int64(),
                ENCODING: pa.string(),
            }
        )
        try:
            self._table = self._open()
        except StoreError:
            self._table = self._database.create_table(self._name, schema=schema)
        there = self._table.schema.field("vector").type.list_size
        check_dimension(there, dimension, self._name)

    def upsert(self, rows: pa.RecordBatch) -> None:
        """See base class."""
        merge = self._table.merge_insert([USER_ID, "model_version"])
        merge = merge.when_matched_update_all().when_not_matched_insert_all()
        merge.execute(pa.Table.from_batches([rows]))

    def finish(self, version: int, encoding: str) -> None:
        """See base class."""
        self._table.delete(f"model_version = {version} AND {ENCODING} != {_quoted(encoding)}")
        self._table.optimize()

    def count(self, version: int) -> int:
        """See base class."""
        return int(self._table.count_rows(f"model_version = {version}"))

    def find(self, user_ids: Collection[str]) -> set[str]:
        """See base class."""
        query = self._open().search().where(_among(user_ids)).select([USER_ID])
        return set(query.limit(None).to_arrow().column(USER_ID).to_pylist())

    def forget(self, user_ids: Collection[str]) -> None:
        """See base class.

        LanceDB marks rows as deleted. So that nothing of them is left, a table without an index is
        written anew, and its earlier states, which have them, go. With one, rows of which few of a
        file are deleted stay in it, unseen.
        """
        table = self._open()
        if not table.count_rows(_among(user_ids)):
            return
        table.delete(_among(user_ids))
        if not table.list_indices():
            rows = table.search().limit(None).to_batches(self.rows)
            table = self._database.create_table(self._name, rows, mode="overwrite")
        with warnings.catch_warnings():
            # It warns that others may be reading what is deleted: that is meant.
            warnings.simplefilter("ignore", UserWarning)
            table.optimize(cleanup_older_than=datetime.timedelta(0), delete_unverified=True)

    def close(self) -> None:
        """See base class."""

    def _open(self):
        try:
            return self._database.open_table(self._name)
        except (ValueError, FileNotFoundError):
            raise no_table(self._name) from None


def _among(user_ids: Collection[str]) -> str:
    return f"{USER_ID} IN ({', '.join(map(_quoted, user_ids))})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


open_store = LanceStore
