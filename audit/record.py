"""The record of one evaluated model, `audit.json`: what was found, for programs and for good."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from tfx.dsl.io import fileio

from contract.errors import UserError

RECORD_FILE = "audit.json"
STATISTICS_FILE = "statistics.pb"
"""Of the labelled training users: what later inputs are compared with."""

SCHEMA_VERSION = "1.0"

_SCHEMA = pathlib.Path(__file__).parent / "record.schema.json"


class InvalidRecordError(UserError):
    """A record does not keep to the schema."""


def schema() -> dict[str, Any]:
    """The JSON Schema of the record."""
    content: dict[str, Any] = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    return content


def check_record(record: Mapping[str, Any]) -> None:
    """Checks that a record keeps to the schema.

    Raises:
        InvalidRecordError: It does not; says where.
    """
    # Imported here: with Jupyter's checkers of formats beside it, which the schema does not name,
    # that takes every process more than a second.
    import jsonschema

    validator = jsonschema.Draft202012Validator(schema())
    errors = sorted(validator.iter_errors(record), key=lambda error: list(map(str, error.path)))
    if errors:
        raise InvalidRecordError(
            "; ".join(
                f"{'.'.join(map(str, error.path)) or RECORD_FILE}: {error.message[:200]}"
                for error in errors[:5]
            )
        )


def to_json(record: Mapping[str, Any]) -> str:
    """The one way to write a record: NaN is no JSON and not allowed."""
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_record(record: Mapping[str, Any], folder: str) -> None:
    """Writes a record that keeps to the schema into an audit's folder.

    Raises:
        InvalidRecordError: It does not keep to it.
    """
    check_record(record)
    with fileio.open(os.path.join(folder, RECORD_FILE), "w") as file:
        file.write(to_json(record))


def read_record(folder: str) -> dict[str, Any]:
    """Reads the record of an audit's folder, unchecked."""
    with fileio.open(os.path.join(folder, RECORD_FILE)) as file:
        record: dict[str, Any] = json.load(file)
    return record
