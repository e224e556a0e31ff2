"""Whether an audit's own files belong together, and who signed them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

from tfx.dsl.io import fileio

from audit.keys import PublicKey
from audit.record import RECORD_FILE, InvalidRecordError, check_record, read_record
from audit.signature import SIGNATURE_FILE, differences, read_signature
from audit.statement import MODEL_FOLDER, STATEMENT_FILE, read_subjects
from audit.verify.finding import BROKEN, HOLDS, UNKNOWN, Finding
from serving.releases.model_digest import sha256_of


def checked_record(folder: str) -> tuple[dict[str, Any] | None, Finding]:
    """The record of an audit, if it keeps to the schema, and what was found."""
    try:
        record = read_record(folder)
        check_record(record)
    except json.JSONDecodeError as error:
        return None, Finding(0, BROKEN, f"{RECORD_FILE} is no JSON: {error}")
    except InvalidRecordError as error:
        return None, Finding(0, BROKEN, f"{RECORD_FILE} does not keep to its schema: {error}")
    return record, Finding(0, HOLDS, f"{RECORD_FILE} keeps to its schema")


def check_files(folder: str, *, whole: bool = True) -> Iterator[Finding]:
    """Whether every file of an audit has the digest that its statement names.

    Args:
        folder: Of the audit.
        whole: Whether files may not be missing; a version carries some of them alone.
    """
    try:
        subjects = read_subjects(folder)
    except Exception as error:
        # Each file system has errors of its own, and what is no statement fails in any way.
        yield Finding(0, BROKEN, f"{STATEMENT_FILE} cannot be read: {error}")
        return
    for name, digest in subjects.items():
        if name.startswith(MODEL_FOLDER):
            continue
        path = os.path.join(folder, name)
        if not fileio.exists(path):
            if whole:
                yield Finding(0, BROKEN, f"{name} is missing")
        elif sha256_of(path) != digest:
            yield Finding(0, BROKEN, f"{name} was changed: its SHA-256 is not {STATEMENT_FILE}'s")
        else:
            yield Finding(0, HOLDS, f"{name} has its SHA-256")


def check_signature(
    folder: str, key: str | None, keys: Sequence[PublicKey], *, whole: bool = True
) -> Iterator[Finding]:
    """Whether an audit is signed by one of some keys.

    Args:
        folder: Of the audit.
        key: Fingerprint of the key by which the record says that it is signed; None: by none.
        keys: One of these must have signed; none: nothing is asked, and nothing can be checked.
        whole: As of `check_files`.
    """
    try:
        signed = read_signature(folder)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        yield Finding(0, BROKEN, f"{SIGNATURE_FILE} is no signature: {error!r}")
        return
    if signed is None:
        if key:
            yield Finding(0, BROKEN, f"{SIGNATURE_FILE} is missing: the signature was removed")
        elif keys:
            yield Finding(0, BROKEN, f"the audit is not signed: there is no {SIGNATURE_FILE}")
        return
    if not keys:
        yield Finding(
            0,
            UNKNOWN,
            f"the audit is signed, it says by the key {signed.key[:16]}; name that key's public "
            "half to have it checked (--public-key)",
        )
        return
    wrong = list(differences(folder, signed, keys, whole=whole))
    yield from (Finding(0, BROKEN, sentence) for sentence in wrong)
    if not wrong:
        yield Finding(0, HOLDS, f"the audit is signed by the key {signed.key[:16]}")
