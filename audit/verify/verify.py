"""Verifies an audit up to a level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit.keys import PublicKey
from audit.locate import Located
from audit.verify.digests import check_digests
from audit.verify.figures import check_figures
from audit.verify.finding import Finding
from audit.verify.scores import check_scores
from audit.verify.seal import checked_record

LEVELS = (0, 1, 2)


def verify(located: Located, level: int, keys: Sequence[PublicKey] = ()) -> Iterator[Finding]:
    """Looks at all there is to look at, level by level.

    Args:
        located: The audit.
        level: The highest of `LEVELS` to look at.
        keys: By one of which the audit must be signed; none: nothing is asked.

    Yields:
        The findings, as they are found.
    """
    record, finding = checked_record(located.folder)
    yield finding
    if record is None:
        return
    yield from check_digests(located, record, keys)
    if level >= 1:
        yield from check_figures(located.folder, record)
    if level >= LEVELS[-1]:
        yield from check_scores(located.folder, located.version, record)
