"""FAISS: a folder with an exact index for each version of the model, and whose its rows are."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Collection, Iterator

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from contract.features import USER_ID
from serving.bulk.vectors import BEHAVIOR_COUNT
from serving.stores.store import ENCODING, Store, no_table, vectors_of

ERRORS = (OSError, RuntimeError)

INDEX_FILE, USERS_FILE = "index.faiss", "users.parquet"
"""Row n of the one is of user n of the other."""

LENGTH = "length"
"""Column of a vector's length: the index has unit vectors, whose inner products are cosines."""

_USERS = pa.schema(
    {
        USER_ID: pa.string(),
        LENGTH: pa.float32(),
        BEHAVIOR_COUNT: pa.int32(),
        "periods": pa.int32(),
        "model_version": pa.int64(),
        ENCODING: pa.string(),
    }
)


class FaissStore(Store):
    """`DESTINATION/TABLE/VERSION/` holds an index and its users.

    That is a link, which is replaced once all is written: who reads finds the old or the new.

    Args:
        destination: Folder.
        table: Folder in it.
    """

    def __init__(self, destination: str, table: str):
        self._table = table
        self._folder = os.path.join(destination, table)

    def begin(self, dimension: int) -> None:
        """See base class; vectors of another length are another version's."""
        os.makedirs(self._folder, exist_ok=True)
        self._remove_leftovers()
        self._new = self._new_folder()
        self._index = faiss.IndexFlatIP(dimension)
        self._users = pq.ParquetWriter(os.path.join(self._new, USERS_FILE), _USERS)

    def upsert(self, rows: pa.RecordBatch) -> None:
        """See base class."""
        vectors = np.ascontiguousarray(vectors_of(rows)).copy()
        lengths = np.linalg.norm(vectors, axis=1)
        faiss.normalize_L2(vectors)
        self._index.add(vectors)
        columns = [
            pa.array(lengths, pa.float32()) if name == LENGTH else rows.column(name)
            for name in _USERS.names
        ]
        self._users.write_table(pa.Table.from_arrays(columns, schema=_USERS))

    def finish(self, version: int, encoding: str) -> None:
        """See base class; everything is of this encoding."""
        del encoding
        self._users.close()
        self._publish(self._index, self._new, str(version))

    def count(self, version: int) -> int:
        """See base class."""
        path = os.path.join(self._folder, str(version), USERS_FILE)
        return pq.read_metadata(path).num_rows if os.path.exists(path) else 0

    def find(self, user_ids: Collection[str]) -> set[str]:
        """See base class."""
        wanted, found = set(user_ids), set()
        for version in self._versions():
            users = pq.ParquetFile(os.path.join(self._folder, version, USERS_FILE))
            for batch in users.iter_batches(columns=[USER_ID]):
                found |= wanted.intersection(batch.column(0).to_pylist())
        return found

    def forget(self, user_ids: Collection[str]) -> None:
        """See base class."""
        wanted = pa.array(list(user_ids), pa.string())
        for version in self._versions():
            old = os.path.join(self._folder, version)
            users = pq.read_table(os.path.join(old, USERS_FILE))
            gone = pa.compute.is_in(users.column(USER_ID), value_set=wanted)
            rows = np.flatnonzero(gone.to_numpy())
            if not len(rows):
                continue
            index = faiss.read_index(os.path.join(old, INDEX_FILE))
            index.remove_ids(faiss.IDSelectorBatch(rows.astype(np.int64)))
            new = self._new_folder()
            pq.write_table(users.filter(pa.compute.invert(gone)), os.path.join(new, USERS_FILE))
            self._publish(index, new, version)
        self._remove_leftovers()

    def close(self) -> None:
        """See base class."""

    def _versions(self) -> Iterator[str]:
        if not os.path.isdir(self._folder):
            raise no_table(self._table)
        return (name for name in sorted(os.listdir(self._folder)) if not name.startswith("."))

    def _new_folder(self) -> str:
        folder = os.path.join(self._folder, f".{uuid.uuid4().hex}")
        os.makedirs(folder)
        return folder

    def _publish(self, index: faiss.Index, folder: str, version: str) -> None:
        faiss.write_index(index, os.path.join(folder, INDEX_FILE))
        link = f"{folder}.link"
        os.symlink(os.path.basename(folder), link)
        os.replace(link, os.path.join(self._folder, version))
        self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        """Removes what no version is: replaced ones, and what a killed export left."""
        live = {os.path.realpath(os.path.join(self._folder, name)) for name in self._versions()}
        for name in os.listdir(self._folder):
            path = os.path.join(self._folder, name)
            if name.startswith(".") and os.path.realpath(path) not in live:
                os.remove(path) if os.path.islink(path) else shutil.rmtree(path)


open_store = FaissStore
