"""Qdrant: the URL of a server, or a folder for the client's local mode."""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection

import numpy as np
import pyarrow as pa
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ApiException

from contract.features import USER_ID
from serving.stores.store import ENCODING, Store, check_dimension, columns_of, no_table, vectors_of

ERRORS = (ApiException, OSError, RuntimeError, ValueError)

LENGTH = "length"
"""Of a vector, in the payload: by the distance of cosines a server keeps unit vectors."""

_POINTS = uuid.UUID("8f1f3a52-6a0e-4f0e-9d53-0a7f5d5f2c11")
"""Namespace of the points' ids, which are numbers or UUIDs."""

_PAGE = 1000


class QdrantStore(Store):
    """A collection; a point's id is made of user and version, which are in its payload.

    Args:
        destination: http(s):// URL, whose key is in the environment's QDRANT_API_KEY; or a folder.
        table: Name of the collection.
    """

    rows = 1024

    def __init__(self, destination: str, table: str):
        self._remote = "://" in destination
        if self._remote:
            key = os.environ.get("QDRANT_API_KEY")
            self._client = QdrantClient(url=destination, api_key=key, timeout=60)
        else:
            self._client = QdrantClient(path=destination)
        self._collection = table

    def begin(self, dimension: int) -> None:
        """See base class."""
        if not self._client.collection_exists(self._collection):
            self._client.create_collection(
                self._collection,
                models.VectorParams(size=dimension, distance=models.Distance.COSINE),
            )
            for name, kind in (
                (USER_ID, models.PayloadSchemaType.KEYWORD),
                ("model_version", models.PayloadSchemaType.INTEGER),
            ):
                # The local mode has none, and says so every time.
                if self._remote:
                    self._client.create_payload_index(self._collection, name, kind)
        there = self._client.get_collection(self._collection).config.params.vectors
        size = there.size if isinstance(there, models.VectorParams) else 0
        check_dimension(size, dimension, self._collection)

    def upsert(self, rows: pa.RecordBatch) -> None:
        """See base class."""
        columns = columns_of(rows)
        vectors = vectors_of(rows)
        del columns["vector"]
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
        columns[LENGTH] = lengths[:, 0].tolist()
        payloads = [
            dict(zip(columns, values, strict=True))
            for values in zip(*columns.values(), strict=True)
        ]
        ids: list[int | str | uuid.UUID] = [
            str(uuid.uuid5(_POINTS, f"{each['model_version']}/{each[USER_ID]}"))
            for each in payloads
        ]
        points = models.Batch(ids=ids, vectors=vectors.tolist(), payloads=payloads)
        self._client.upsert(self._collection, points, wait=True)

    def finish(self, version: int, encoding: str) -> None:
        """See base class."""
        of_encoding = _is(ENCODING, encoding)
        others = models.Filter(must=[_is("model_version", version)], must_not=[of_encoding])
        self._delete(others)

    def count(self, version: int) -> int:
        """See base class."""
        of_version = models.Filter(must=[_is("model_version", version)])
        return self._client.count(self._collection, of_version, exact=True).count

    def find(self, user_ids: Collection[str]) -> set[str]:
        """See base class."""
        found, offset = set(), None
        while True:
            records, offset = self._client.scroll(
                self._checked(),
                _among(user_ids),
                limit=_PAGE,
                offset=offset,
                with_payload=[USER_ID],
            )
            found |= {(record.payload or {})[USER_ID] for record in records}
            if offset is None:
                return found

    def forget(self, user_ids: Collection[str]) -> None:
        """See base class."""
        self._checked()
        self._delete(_among(user_ids))

    def close(self) -> None:
        """See base class."""
        self._client.close()

    def _checked(self) -> str:
        if not self._client.collection_exists(self._collection):
            raise no_table(self._collection)
        return self._collection

    def _delete(self, of: models.Filter) -> None:
        self._client.delete(self._collection, models.FilterSelector(filter=of), wait=True)


def _is(name: str, value: int | str) -> models.FieldCondition:
    return models.FieldCondition(key=name, match=models.MatchValue(value=value))


def _among(user_ids: Collection[str]) -> models.Filter:
    among = models.MatchAny(any=list(user_ids))
    return models.Filter(must=[models.FieldCondition(key=USER_ID, match=among)])


open_store = QdrantStore
