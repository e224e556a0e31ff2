"""Milvus: the URL of a server, or a file ending in .db for Milvus Lite."""

from __future__ import annotations

import json
import os
from collections.abc import Collection

import pyarrow as pa
from pymilvus import DataType, MilvusClient, MilvusException

from contract.features import USER_ID
from serving.bulk.vectors import BEHAVIOR_COUNT
from serving.stores.store import ENCODING, Store, check_dimension, no_table

ERRORS = (MilvusException, OSError, ValueError)

_MOST_BYTES = 65_535
_MOST_RESULTS = 16_384
"""Milvus' own limits of a VARCHAR and of a query."""


class MilvusStore(Store):
    """A collection; a row's key is made of version and user, which are fields too.

    Args:
        destination: http(s):// URL, whose token is in the environment's MILVUS_TOKEN; or a file.
        table: Name of the collection.
    """

    rows = 1024

    def __init__(self, destination: str, table: str):
        self._client = MilvusClient(
            uri=destination, token=os.environ.get("MILVUS_TOKEN", ""), timeout=60
        )
        self._collection = table

    def begin(self, dimension: int) -> None:
        """See base class."""
        if not self._client.has_collection(self._collection):
            schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
            text = {"datatype": DataType.VARCHAR, "max_length": _MOST_BYTES}
            schema.add_field("key", is_primary=True, **text)
            schema.add_field(USER_ID, **text)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
            for name, kind in (
                (BEHAVIOR_COUNT, DataType.INT32),
                ("periods", DataType.INT32),
                ("model_version", DataType.INT64),
            ):
                schema.add_field(name, kind)
            schema.add_field(ENCODING, **text)
            index = MilvusClient.prepare_index_params()
            index.add_index("vector", index_type="AUTOINDEX", metric_type="COSINE")
            self._client.create_collection(
                self._collection, schema=schema, index_params=index, consistency_level="Strong"
            )
        fields = self._client.describe_collection(self._collection)["fields"]
        (there,) = (field["params"]["dim"] for field in fields if field["name"] == "vector")
        check_dimension(int(there), dimension, self._collection)

    def upsert(self, rows: pa.RecordBatch) -> None:
        """See base class."""
        data = rows.to_pylist()
        for row in data:
            row["key"] = f"{row['model_version']}/{row[USER_ID]}"
        self._client.upsert(self._collection, data)

    def finish(self, version: int, encoding: str) -> None:
        """See base class."""
        others = f'model_version == {version} and {ENCODING} != "{encoding}"'
        self._client.delete(self._checked(), filter=others)

    def count(self, version: int) -> int:
        """See base class."""
        (row,) = self._client.query(
            self._checked(), filter=f"model_version == {version}", output_fields=["count(*)"]
        )
        return int(row["count(*)"])

    def find(self, user_ids: Collection[str]) -> set[str]:
        """See base class."""
        rows = self._client.query(
            self._checked(),
            filter=_among(user_ids),
            output_fields=[USER_ID],
            limit=_MOST_RESULTS,
        )
        return {row[USER_ID] for row in rows}

    def forget(self, user_ids: Collection[str]) -> None:
        """See base class."""
        self._client.delete(self._checked(), filter=_among(user_ids))

    def close(self) -> None:
        """See base class."""
        self._client.close()

    def _checked(self) -> str:
        if not self._client.has_collection(self._collection):
            raise no_table(self._collection)
        self._client.load_collection(self._collection)
        return self._collection


def _among(user_ids: Collection[str]) -> str:
    # Milvus Lite takes no parameters of filters; its literals are written as JSON's.
    return f"{USER_ID} in {json.dumps(list(user_ids), ensure_ascii=False)}"


open_store = MilvusStore
