"""The local runner's own parts; the runs themselves are in tests/end_to_end."""

import errno
import io
import json
import logging
import types

import grpc
import pytest
from ml_metadata.proto import metadata_store_pb2

from components.strict_example_validator import AnomaliesError
from components.verifying_pusher import TamperedModelError
from ingestion.errors import DataError
from pipeline.config import PipelineConfig
from pipeline.local_runner import Reporter, _explain, _push
from pipeline.metadata_store import connection_config
from pipeline.output_folder import OutputFolder, OutputFolderError
from serving.bulk.encoding import EncodingError
from serving.client.errors import ServingError
from serving.releases.releases import ReleaseError

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
    return connection_config(config.metadata, OutputFolder(str(tmp_path), "shop"))


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
        (RuntimeError("Channel closed prematurely."), "A worker of Beam ended before its work"),
        (KeyError("word"), "KeyError: 'word'"),
        (ValueError(), r"ValueError: ValueError\(\)"),
    ],
)
def test_errors_are_explained(error, expected):
    assert _explain(error).startswith(expected.replace("\\", ""))


@pytest.mark.parametrize(
    "error",
    [
        AnomaliesError("Split eval: the column age is missing."),
        DataError("events.jsonl:7: no text. Write one."),
        EncodingError("users.jsonl:3: no user id. Give every line one."),
        OutputFolderError("runs/demo is not empty. Choose another --output."),
        ReleaseError("There is no version 7. There are 5, 6."),
        ServingError("The server refuses the request.", grpc.StatusCode.INTERNAL),
        TamperedModelError("The model was changed after it was blessed."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_messages_for_people_are_shown_alone(error):
    assert _explain(error) == str(error)


@pytest.mark.parametrize(
    "error",
    [
        DataError("Mend it. [while running 'Read/ParDo']"),
        RuntimeError(
            "Traceback (most recent call last):\n  ...\n"
            "ingestion.errors.DataError: Mend it. [while running 'Read/ParDo-ptransform-12']\n"
        ),
        RuntimeError("Traceback ...\ningestion.errors.DataError: Mend it."),
    ],
)
def test_of_a_beam_workers_error_its_message_is_shown(error):
    assert _explain(error) == "Mend it."


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


@pytest.mark.parametrize(
    ("pushed", "destination", "state", "expected"),
    [
        (0, "", "ran", ("skipped", "nothing pushed: the model was not blessed")),
        (0, "", "cached", ("skipped", "nothing pushed: the model was not blessed")),
        (1, "/s/shop/7", "ran", ("ran", "pushed as version 7")),
        (1, "/s/shop/7", "cached", ("cached", None)),
        (
            *(1, "/s/shop/6", "ran"),
            ("skipped", "nothing pushed: this model is the newest version already"),
        ),
    ],
)
def test_what_became_of_the_push_is_said(pushed, destination, state, expected):
    artifact = metadata_store_pb2.Artifact()
    artifact.custom_properties["pushed"].int_value = pushed
    artifact.custom_properties["pushed_destination"].string_value = destination
    result = types.SimpleNamespace(artifacts=[artifact])
    assert _push(state, result, "/s/shop/6") == expected
