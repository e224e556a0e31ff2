"""Verifies an audit up to a level."""

from __future__ import annotations

import json
from collections.abc import Iterator

from audit.locate import Located
from audit.record import RECORD_FILE, InvalidRecordError, check_record, read_record
from audit.verify.digests import check_digests
from audit.verify.figures import check_figures
from audit.verify.finding import BROKEN, HOLDS, Finding
from audit.verify.scores import check_scores

LEVELS = (0, 1, 2)


def verify(located: Located, level: int) -> Iterator[Finding]:
    """Looks at all there is to look at, level by level.

    Args:
        located: The audit.
        level: The highest of `LEVELS` to look at.

    Yields:
        The findings, as they are found.
    """
    try:
        record = read_record(located.folder)
    except json.JSONDecodeError as error:
        yield Finding(0, BROKEN, f"{RECORD_FILE} is no JSON: {error}")
        return
    try:
        check_record(record)
    except InvalidRecordError as error:
        yield Finding(0, BROKEN, f"{RECORD_FILE} does not keep to its schema: {error}")
        return
    yield Finding(0, HOLDS, f"{RECORD_FILE} keeps to its schema")
    yield from check_digests(located, record)
    if level >= 1:
        yield from check_figures(located.folder, record)
    if level >= LEVELS[-1]:
        yield from check_scores(located.folder, located.version, record)
