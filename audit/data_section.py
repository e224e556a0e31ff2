"""The part of the record that says which data a model comes from, out of the ingestion's report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion.config import format_moment
from ingestion.report import WARNINGS


def data_section(report: Mapping[str, Any]) -> dict[str, Any]:
    """What was read, lost and made of it.

    Args:
        report: The ingestion's report of the labelled examples, as JSON.

    Returns:
        JSON object, see `data` in `record.schema.json`.
    """
    moments = {
        name: None if report[name] is None else format_moment(report[name])
        for name in ("earliest", "latest")
    }
    return {
        "files": [
            {key: file[key] for key in ("kind", "path", "size", "records", "content")}
            for file in report["files"]
        ],
        "records": {
            kind: {
                "read": report[kind]["records"],
                "bad": sum(report[kind]["bad"].values()),
                "reasons": report[kind]["bad"],
            }
            for kind in ("events", "labels")
        },
        **moments,
        "users": report["users"],
        "labelled_users": report["labelled_users"],
        "duplicate_events": report["duplicate_events"],
        "skipped_users": report["skipped_users"],
        "split_users": report[_SPLIT_USERS],
        "class_users": report["classes"],
        "warnings": report[WARNINGS],
    }


_SPLIT_USERS = "examples"
"""The report's key of the number of examples by split."""
