"""The log of releases: who served, moved and removed what and when; lines are only ever added.

Every line is a JSON object. It holds the digest of the line before it, and its own, so that a line
that was changed, left out or moved is found. Lines that were cut off at the end are found by the
state that the last one left: it is that of `models.config`.
"""

from __future__ import annotations

import datetime
import getpass
import hashlib
import json
import os
import socket
from collections.abc import Mapping
from typing import Any

JOURNAL_FILE = "releases.jsonl"
"""Beside `models.config`, for all models of the folder."""

FIRST = "0" * 64
"""Stands for the digest of the line before the first."""

_PREVIOUS, _DIGEST, _NUMBER = "previous", "digest", "number"


def append(folder: str, model: str, action: str, **details: Any) -> None:
    """Adds a line; the caller has the lock of `models.config`.

    Args:
        folder: Of `models.config`.
        model: Name of the model.
        action: `serve`, `label`, `rollback`, `prune`; `audit`: once more; `found`: a state that no
            line tells of.
        **details: What was done, for JSON.
    """
    path = os.path.join(folder, JOURNAL_FILE)
    with open(path, "a+b") as file:
        lines, torn = _whole_lines(file)
        last: dict[str, Any] = json.loads(lines[-1]) if lines else {_NUMBER: 0, _DIGEST: FIRST}
        if torn:
            # Of a process that died while it wrote: nothing was done that it would tell of.
            file.truncate(sum(len(line) + 1 for line in lines))
            details = {**details, "bytes_of_an_unfinished_line_removed": torn}
        line = {
            _NUMBER: last[_NUMBER] + 1,
            "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "who": _who(),
            "model": model,
            "action": action,
            **details,
            _PREVIOUS: last[_DIGEST],
        }
        line[_DIGEST] = _digest(line)
        file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_journal(folder: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Reads the log and checks its chain.

    Args:
        folder: Of `models.config`.

    Returns:
        The lines that could be read, and what is wrong, a sentence each. Both are empty if there is
        no log.
    """
    path = os.path.join(folder, JOURNAL_FILE)
    if not os.path.exists(path):
        return [], []
    with open(path, "rb") as file:
        raw, torn = _whole_lines(file)
    lines: list[dict[str, Any]] = []
    wrong = [f"the last line of {JOURNAL_FILE} is unfinished"] if torn else []
    previous = FIRST
    for place, content in enumerate(raw, start=1):
        try:
            line = json.loads(content)
            digest, own = line[_DIGEST], _digest(line)
        except (ValueError, KeyError, TypeError, AttributeError):
            wrong.append(f"line {place} of {JOURNAL_FILE} is no entry")
            previous = ""
            continue
        lines.append(line)
        if digest != own:
            wrong.append(f"line {place} of {JOURNAL_FILE} was changed: its digest is another")
        if line.get(_PREVIOUS) != previous or line.get(_NUMBER) != place:
            wrong.append(f"line {place} of {JOURNAL_FILE} does not follow the line before it")
        previous = digest
    return lines, wrong


def _whole_lines(file: Any) -> tuple[list[bytes], int]:
    """The lines that end, and how many bytes follow the last of them."""
    file.seek(0)
    *lines, rest = file.read().split(b"\n")
    return lines, len(rest)


def _digest(line: Mapping[str, Any]) -> str:
    content = {key: value for key, value in line.items() if key != _DIGEST}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A container's user need not have a name.
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
