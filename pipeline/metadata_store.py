"""The database of ML Metadata: where it is, and what to tell when it is not there."""

from __future__ import annotations

import os
import re

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata

from contract.errors import UserError
from pipeline.config import DatabaseMetadata, SqliteMetadata
from pipeline.output_folder import OutputFolder

_STATEMENT = re.compile(r" query:\s+[A-Z].*", re.DOTALL)
"""The SQL that ML Metadata adds to what the database said."""

_DAMAGED = ("malformed", "not a database")
"""What SQLite says of a file that is cut off, or something else."""


class MetadataError(UserError):
    """ML Metadata cannot be used; the message says what to do."""


def connection_config(
    settings: SqliteMetadata | DatabaseMetadata, output: OutputFolder
) -> metadata_store_pb2.ConnectionConfig:
    """Returns ML Metadata's configuration of the database that the settings name."""
    if not isinstance(settings, DatabaseMetadata):
        return metadata.sqlite_metadata_connection_config(output.metadata_file)
    password = os.environ[settings.password_env] if settings.password_env else ""
    connection = metadata_store_pb2.ConnectionConfig()
    if settings.type == "mysql":
        connection.mysql.host = settings.host
        connection.mysql.port = settings.port
        connection.mysql.database = settings.database
        connection.mysql.user = settings.user
        connection.mysql.password = password
    else:
        connection.postgresql.host = settings.host
        connection.postgresql.port = str(settings.port)
        connection.postgresql.dbname = settings.database
        connection.postgresql.user = settings.user
        connection.postgresql.password = password
    return connection


def open_store(
    connection: metadata_store_pb2.ConnectionConfig, output: OutputFolder
) -> mlmd.MetadataStore:
    """Opens the database.

    Args:
        connection: As `connection_config` gives it.
        output: Whose artifacts it knows.

    Raises:
        MetadataError: If it cannot be opened, or knows nothing of the artifacts that are there.
    """
    is_file = connection.HasField("sqlite")
    path = output.metadata_file
    anew = (
        f"Move {path} and {output.pipeline_root} away, or choose another --output: all is then "
        f"computed anew. What is served, in {output.serving_dir}, may stay."
    )
    if is_file and not _has_content(path) and _has_entries(output.pipeline_root):
        raise MetadataError(f"{path} is empty or gone, but there are artifacts of it. {anew}")
    try:
        store = mlmd.MetadataStore(connection)
        store.get_artifact_types()
    except Exception as error:
        reason = _STATEMENT.sub("", str(error)).strip()
        if not is_file:
            where = connection.WhichOneof("config")
            raise MetadataError(
                f"ML Metadata's database ({where}) does not answer: {reason} Look at `metadata` "
                "in the configuration and whether the server runs; then run again."
            ) from error
        if any(word in reason for word in _DAMAGED):
            raise MetadataError(f"{path} is damaged ({reason}). {anew}") from error
        raise MetadataError(
            f"{path} cannot be opened. Another program may have locked it, or the disk be full or "
            f"read-only: mend that, and run again. ML Metadata said: {reason}"
        ) from error
    return store


def _has_content(path: str) -> bool:
    return os.path.exists(path) and os.path.getsize(path) > 0


def _has_entries(folder: str) -> bool:
    return os.path.isdir(folder) and bool(os.listdir(folder))
