"""Whether a model may be taken for what its audit says: before it is pushed or compared with.

A pushed version carries the files of its audit that this takes, and that which the next one reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from tfx.dsl.io import fileio

from audit.keys import PublicKey
from audit.record import RECORD_FILE, STATISTICS_FILE
from audit.signature import SIGNATURE_FILE
from audit.statement import STATEMENT_FILE
from audit.verify.finding import BROKEN
from audit.verify.seal import check_files, check_signature, checked_record
from serving.releases.releases import AUDIT_FOLDER

_CARRIED = (RECORD_FILE, STATEMENT_FILE, STATISTICS_FILE, SIGNATURE_FILE)


def doubts(
    folder: str, digest: str, keys: Sequence[PublicKey], *, whole: bool = True
) -> Iterator[str]:
    """Why a model should not be trusted, a sentence each; none: it is what was audited.

    What is looked at cannot change later by itself: not the input, which grows, nor the log.

    Args:
        folder: Of the audit.
        digest: Of the model's files.
        keys: By one of which the audit must be signed; none: it need not be.
        whole: Whether files may not be missing; a version carries some of them alone.
    """
    if not fileio.exists(os.path.join(folder, RECORD_FILE)):
        yield f"there is no {RECORD_FILE} in {folder}"
        return
    record, finding = checked_record(folder)
    if record is None:
        yield finding.sentence
        return
    for finding in (
        *check_files(folder, whole=whole),
        *check_signature(folder, record["signature"], keys, whole=whole),
    ):
        if finding.state == BROKEN:
            yield finding.sentence
    if record["model"]["digest"] != digest:
        yield f"it is the audit of another model: {record['model']['digest'][:16]}"
    if not record["verdict"]["blessed"]:
        yield "the model was refused"


def carry(audit: str, version: str) -> None:
    """Copies what a version carries of its audit into its folder."""
    folder = os.path.join(version, AUDIT_FOLDER)
    fileio.makedirs(folder)
    for name in _CARRIED:
        source = os.path.join(audit, name)
        if fileio.exists(source):
            fileio.copy(source, os.path.join(folder, name), overwrite=True)


def doubts_of_version(version: str, digest: str, keys: Sequence[PublicKey]) -> Iterator[str]:
    """Why a pushed version should not be trusted, as `doubts`.

    One that was pushed before there were audits carries none: it is trusted where no signature is
    asked for, for whoever can write such a folder could write an unsigned audit as well.

    Args:
        version: Folder of the version.
        digest: Of its files.
        keys: As of `doubts`.
    """
    folder = os.path.join(version, AUDIT_FOLDER)
    if carries_audit(version) or keys:
        yield from doubts(folder, digest, keys, whole=False)


def carries_audit(version: str) -> bool:
    """Whether a version was pushed with its audit."""
    return bool(fileio.exists(os.path.join(version, AUDIT_FOLDER, RECORD_FILE)))
