"""PostgreSQL with the extension pgvector: a DSN, whose password libpq finds elsewhere."""

from __future__ import annotations

from collections.abc import Collection

import psycopg
import pyarrow as pa
from pgvector.psycopg import register_vector
from psycopg import sql

from contract.errors import UsageError
from contract.features import USER_ID
from serving.bulk.vectors import BEHAVIOR_COUNT
from serving.stores.store import ENCODING, Store, StoreError, check_dimension, columns_of, no_table

ERRORS = (psycopg.Error, OSError)

_TYPES = {
    USER_ID: "text",
    "vector": "vector",
    BEHAVIOR_COUNT: "int4",
    "periods": "int4",
    "model_version": "int8",
    ENCODING: "text",
}
_KEY = (USER_ID, "model_version")


class PostgresStore(Store):
    """A table, with the key (user_id, model_version).

    Args:
        destination: DSN, as libpq takes it.
        table: Its name, maybe with that of its schema and a full stop before it.

    Raises:
        UsageError: The DSN has a password.
    """

    def __init__(self, destination: str, table: str):
        if "password" in psycopg.conninfo.conninfo_to_dict(destination):
            raise UsageError(
                "The DSN has a password, which whoever lists processes can read. Leave it out, "
                "and set PGPASSWORD or use ~/.pgpass."
            )
        self._connection = psycopg.connect(destination, connect_timeout=10, autocommit=True)
        self._name = table
        self._table = sql.Identifier(*table.split("."))

    def begin(self, dimension: int) -> None:
        """See base class."""
        if not self._execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'"):
            try:
                self._execute("CREATE EXTENSION vector")
            except psycopg.Error as error:
                raise StoreError(
                    "The database has no extension `vector`, and it cannot be made: "
                    f"{str(error).strip()}. Install pgvector on the server (Debian's package is "
                    "postgresql-VERSION-pgvector), and have a superuser `CREATE EXTENSION vector`."
                ) from error
        register_vector(self._connection)
        columns = [
            sql.SQL("{} {} NOT NULL").format(
                sql.Identifier(name),
                sql.SQL(f"vector({dimension})" if kind == "vector" else kind),
            )
            for name, kind in _TYPES.items()
        ]
        self._execute(
            "CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({key}))",
            columns=sql.SQL(", ").join(columns),
            key=_names(_KEY),
        )
        ((there,),) = self._execute(
            "SELECT atttypmod FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s",
            (self._table.as_string(self._connection), "vector"),
        )
        check_dimension(there, dimension, self._name)
        self._execute("CREATE TEMPORARY TABLE IF NOT EXISTS incoming (LIKE {table})")

    def upsert(self, rows: pa.RecordBatch) -> None:
        """See base class."""
        columns = columns_of(rows)
        others = [name for name in _TYPES if name not in _KEY]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute("TRUNCATE incoming")
            copy_in = sql.SQL("COPY incoming ({}) FROM STDIN WITH (FORMAT BINARY)")
            with cursor.copy(copy_in.format(_names(_TYPES))) as copy:
                copy.set_types(list(_TYPES.values()))
                for row in zip(*(columns[name] for name in _TYPES), strict=True):
                    copy.write_row(row)
            cursor.execute(
                sql.SQL(
                    "INSERT INTO {table} ({all}) SELECT {all} FROM incoming "
                    "ON CONFLICT ({key}) DO UPDATE SET ({others}) = ROW ({new})"
                ).format(
                    table=self._table,
                    all=_names(_TYPES),
                    key=_names(_KEY),
                    others=_names(others),
                    new=sql.SQL(", ").join(sql.Identifier("excluded", name) for name in others),
                )
            )

    def finish(self, version: int, encoding: str) -> None:
        """See base class."""
        self._execute(
            "DELETE FROM {table} WHERE model_version = %s AND encoding <> %s", (version, encoding)
        )

    def count(self, version: int) -> int:
        """See base class."""
        ((count,),) = self._execute(
            "SELECT count(*) FROM {table} WHERE model_version = %s", (version,)
        )
        return int(count)

    def find(self, user_ids: Collection[str]) -> set[str]:
        """See base class."""
        self._check_table()
        found = self._execute(
            "SELECT DISTINCT user_id FROM {table} WHERE user_id = ANY(%s)", (list(user_ids),)
        )
        return {user_id for (user_id,) in found}

    def forget(self, user_ids: Collection[str]) -> None:
        """See base class; what was deleted is there until a VACUUM."""
        self._check_table()
        self._execute("DELETE FROM {table} WHERE user_id = ANY(%s)", (list(user_ids),))
        self._execute("VACUUM {table}")

    def close(self) -> None:
        """See base class."""
        self._connection.close()

    def _check_table(self) -> None:
        name = self._table.as_string(self._connection)
        if self._execute("SELECT to_regclass(%s)", (name,)) == [(None,)]:
            raise no_table(self._name)

    def _execute(self, statement: str, values=(), **parts) -> list:
        composed = sql.SQL(statement).format(table=self._table, **parts)
        with self._connection.cursor() as cursor:
            cursor.execute(composed, values or None)
            return cursor.fetchall() if cursor.description else []


def _names(names: Collection[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


open_store = PostgresStore
