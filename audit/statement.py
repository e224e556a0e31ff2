"""The provenance of an audited model as an in-toto statement with a SLSA v1 predicate.

Its subjects are all files of the audit and of the model, so that it is the list by which they are
checked, and the one file that is to be signed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from tfx.dsl.io import fileio

from serving.releases.model_digest import sha256_of

STATEMENT_FILE = "provenance.intoto.json"
MODEL_FOLDER = "model/"
"""Begins the names of the model's files among the subjects."""

_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://slsa.dev/provenance/v1"
_BUILD = "urn:universal-user-representations:pipeline:1"


def write_statement(folder: str, names: list[str], record: Mapping[str, Any]) -> None:
    """Writes the statement, the last file of an audit.

    Args:
        folder: Of the audit.
        names: Of the files in it.
        record: The audit's.
    """
    subjects = {name: sha256_of(os.path.join(folder, name)) for name in names}
    subjects |= {MODEL_FOLDER + name: digest for name, digest in record["model"]["files"].items()}
    statement = {
        "_type": _STATEMENT,
        "subject": [
            {"name": name, "digest": {"sha256": digest}} for name, digest in subjects.items()
        ],
        "predicateType": _PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": _BUILD,
                "externalParameters": {"configuration": record["configuration"]},
                "internalParameters": {
                    "code_digests": record["code"]["digests"],
                    "packages": record["software"],
                },
                "resolvedDependencies": [
                    *_source(record["code"]),
                    *(
                        {"uri": file["path"], "annotations": {"content": file["content"]}}
                        for file in record["data"]["files"]
                    ),
                ],
            },
            "runDetails": {
                "builder": {"id": _BUILD},
                "metadata": {"finishedOn": record["created_at"]},
            },
        },
    }
    with fileio.open(os.path.join(folder, STATEMENT_FILE), "w") as file:
        file.write(json.dumps(statement, indent=1, ensure_ascii=False) + "\n")


def read_subjects(folder: str) -> dict[str, str]:
    """Name of every file that the statement of an audit names -> its SHA-256.

    Raises:
        OSError, ValueError, KeyError, TypeError: There is no statement, or it is none.
    """
    with fileio.open(os.path.join(folder, STATEMENT_FILE)) as file:
        statement = json.load(file)
    return {each["name"]: each["digest"]["sha256"] for each in statement["subject"]}


def _source(code: Mapping[str, Any]) -> list[dict[str, Any]]:
    if not code["commit"]:
        return []
    return [{"uri": "git", "digest": {"gitCommit": code["commit"]}}]
