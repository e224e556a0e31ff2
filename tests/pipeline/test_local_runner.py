"""The local runner's own parts; the runs themselves are in tests/end_to_end."""

import errno
import io
import json
import logging

import pytest

from ingestion.errors import DataError
from pipeline.config import PipelineConfig
from pipeline.local_runner import Reporter, _explain, _metadata_connection
from pipeline.output_folder import OutputFolder

_SERVER = {"host": "db", "database": "mlmd", "user": "ann", "password_env": "MLMD_PASSWORD"}


def _connection(tmp_path, metadata):
    config = PipelineConfig.model_validate(
        {
            "name": "shop",
            "data": {"events": "e", "labels": "l"},
            "tasks": {"docs": {}},
            "metadata": metadata,
        }
    )
    return _metadata_connection(config, OutputFolder(str(tmp_path), "shop"))


def test_sqlite_lies_in_the_output_folder(tmp_path):
    connection = _connection(tmp_path, {"type": "sqlite"})
    assert connection.sqlite.filename_uri == str(tmp_path / "metadata.sqlite")


def test_mysql(tmp_path, monkeypatch):
    monkeypatch.setenv("MLMD_PASSWORD", "secret")
    mysql = _connection(tmp_path, {"type": "mysql", "port": 3306, **_SERVER}).mysql
    assert (mysql.host, mysql.port, mysql.database) == ("db", 3306, "mlmd")
    assert (mysql.user, mysql.password) == ("ann", "secret")


def test_postgresql(tmp_path, monkeypatch):
    monkeypatch.setenv("MLMD_PASSWORD", "secret")
    server = _connection(tmp_path, {"type": "postgresql", "port": 5432, **_SERVER}).postgresql
    assert (server.host, server.port, server.dbname) == ("db", "5432", "mlmd")
    assert (server.user, server.password) == ("ann", "secret")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DataError("events.jsonl:7: no text"), "events.jsonl:7: no text"),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full"),
        (RuntimeError("... OSError: [Errno 28] No space left on device"), "The disk is full"),
        (KeyError("word"), "KeyError: 'word'"),
        (ValueError(), r"ValueError: ValueError\(\)"),
    ],
)
def test_errors_are_explained(error, expected):
    assert _explain(error).startswith(expected.replace("\\", ""))


def test_progress_reaches_the_user():
    stream = io.StringIO()
    reporter = Reporter(stream)
    logger = logging.getLogger("progress")
    logger.addHandler(reporter)
    try:
        logger.warning("%d events read", 5)
    finally:
        logger.removeHandler(reporter)
    assert json.loads(stream.getvalue()) == {"event": "progress", "text": "5 events read"}
