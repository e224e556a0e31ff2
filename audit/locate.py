"""From what a person names to the folder of an audit: a run, a version, an output folder."""

from __future__ import annotations

import glob
import json
import os
from typing import NamedTuple

from audit.record import RECORD_FILE
from contract.errors import UsageError
from serving.releases.releases import MODEL_CARD

_SUMMARY = "summary.json"
_AUDITS = os.path.join("artifacts", "Auditor", "audit")


class AuditNotFoundError(UsageError):
    """There is no audit where it was looked for."""


class Located(NamedTuple):
    """An audit, and what was named to find it.

    Attributes:
        folder: Of the audit.
        version: Folder of the pushed version that was named; None if it was something else.
    """

    folder: str
    version: str | None


def locate(path: str) -> Located:
    """Finds an audit.

    Args:
        path: Folder of an audit; of a pushed version; of a run, `OUTPUT/runs/TIME`; or an output
            folder, of which the newest audit is taken.

    Raises:
        AuditNotFoundError: There is none; says what was looked for.
    """
    path = os.path.abspath(path)
    if os.path.isfile(os.path.join(path, RECORD_FILE)):
        return Located(path, None)
    if os.path.isfile(os.path.join(path, MODEL_CARD)):
        return Located(_of_version(path), path)
    if os.path.isfile(os.path.join(path, _SUMMARY)):
        output = os.path.dirname(os.path.dirname(path))
        named = str(_json(os.path.join(path, _SUMMARY)).get("audit", ""))
        return Located(_existing(path, [named, _moved(output, named)]), None)
    audits = _audits_below(path)
    if audits:
        return Located(audits[-1], None)
    raise AuditNotFoundError(
        f"{path} is no audit ({RECORD_FILE}), no pushed version ({MODEL_CARD}), no run "
        f"({_SUMMARY}) and no output folder ({_AUDITS}). Name one of these."
    )


def output_of(folder: str) -> str | None:
    """The output folder that an audit lies in; None if it lies elsewhere."""
    output, found, _ = os.path.abspath(folder).rpartition(os.sep + _AUDITS + os.sep)
    return output if found else None


def _of_version(path: str) -> str:
    card = _json(os.path.join(path, MODEL_CARD))
    named = card.get("lineage", {}).get("audit", {}).get("uri", "")
    output = os.path.dirname(os.path.dirname(os.path.dirname(path)))
    return _existing(path, [named, _moved(output, named)])


def _existing(path: str, candidates: list[str]) -> str:
    for candidate in candidates:
        if candidate and os.path.isfile(os.path.join(candidate, RECORD_FILE)):
            return candidate
    raise AuditNotFoundError(
        f"The audit of {path} is not at {candidates[0] or '(not named)'}. If it was moved, name "
        "its folder."
    )


def _audits_below(output: str) -> list[str]:
    """The audits of an output folder, oldest first."""
    records = glob.glob(os.path.join(glob.escape(output), _AUDITS, "*", RECORD_FILE))
    folders = [os.path.dirname(record) for record in records]
    return sorted(folders, key=lambda folder: int(os.path.basename(folder)))


def _moved(output: str, named: str) -> str:
    """Where an audit would be if its output folder was moved as a whole."""
    return os.path.join(output, _AUDITS, os.path.basename(named)) if named else ""


def _json(path: str) -> dict:
    with open(path, encoding="utf-8") as file:
        content: dict = json.load(file)
    return content
