"""Level 0: every file is what its digest says, and the log of releases is whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from audit.keys import PublicKey
from audit.locate import Located, output_of
from audit.record import RECORD_FILE
from audit.statement import MODEL_FOLDER, STATEMENT_FILE, read_subjects
from audit.trust import carries_audit, doubts_of_version
from audit.verify.finding import BROKEN, HOLDS, UNKNOWN, Finding
from audit.verify.seal import check_files, check_signature
from ingestion.files import content_hash, match_files
from serving.releases.journal import JOURNAL_FILE, read_journal
from serving.releases.model_digest import digest_of, file_digests, sha256_of
from serving.releases.releases import Releases


def check_digests(
    located: Located, record: Mapping[str, Any], keys: Sequence[PublicKey]
) -> Iterator[Finding]:
    """Looks at everything that has a digest.

    Args:
        located: The audit.
        record: Its record, which keeps to the schema.
        keys: By one of which it must be signed; none: nothing is asked.

    Yields:
        The findings.
    """
    yield from check_files(located.folder)
    yield from check_signature(located.folder, record["signature"], keys)
    yield from _carried(located, record, keys)
    yield from _model(located, record)
    yield from _inputs(record)
    yield from _releases(located, record)


def _carried(
    located: Located, record: Mapping[str, Any], keys: Sequence[PublicKey]
) -> Iterator[Finding]:
    """What a pushed version carries of its audit."""
    if located.version is None or not carries_audit(located.version):
        return
    wrong = list(doubts_of_version(located.version, record["model"]["digest"], keys))
    yield from (Finding(0, BROKEN, f"in the version: {sentence}") for sentence in wrong)
    if not wrong:
        yield Finding(0, HOLDS, "what the version carries of its audit belongs to it")


def _model(located: Located, record: Mapping[str, Any]) -> Iterator[Finding]:
    try:
        subjects = read_subjects(located.folder)
    except (OSError, ValueError, KeyError, TypeError):
        # Has been told already.
        return
    files = record["model"]["files"]
    listed = {
        name.removeprefix(MODEL_FOLDER): digest
        for name, digest in subjects.items()
        if name.startswith(MODEL_FOLDER)
    }
    if listed != files:
        yield Finding(
            0, BROKEN, f"{RECORD_FILE} and {STATEMENT_FILE} name other files of the model"
        )
    if digest_of(dict(sorted(files.items()))) != record["model"]["digest"]:
        yield Finding(0, BROKEN, f"{RECORD_FILE}: the model's digest is not that of its files")
    for kind, path in (("model", record["model"]["path"]), ("version", located.version)):
        if path is None:
            continue
        try:
            found = file_digests(path)
        except FileNotFoundError:
            yield Finding(0, UNKNOWN, f"the {kind} is not at {path}")
            continue
        wrong = [
            f"{name} of the {kind} {what}"
            for what, names in (
                ("is missing", files.keys() - found.keys()),
                ("was not there when it was audited", found.keys() - files.keys()),
                ("was changed", {n for n in files.keys() & found.keys() if files[n] != found[n]}),
            )
            for name in sorted(names)
        ]
        yield from (Finding(0, BROKEN, sentence) for sentence in wrong)
        if not wrong:
            yield Finding(0, HOLDS, f"{len(files)} files of the {kind} have their SHA-256")


def _inputs(record: Mapping[str, Any]) -> Iterator[Finding]:
    same = 0
    for file in record["data"]["files"]:
        path = file["path"]
        if not file["content"]:
            continue
        if "://" not in path and not os.path.isfile(path):
            yield Finding(0, UNKNOWN, f"the input file {path} is not here")
            continue
        (found,) = match_files({file["kind"]: path})
        if content_hash(found) == file["content"]:
            same += 1
        else:
            yield Finding(0, BROKEN, f"the input file {path} was changed")
    if same:
        yield Finding(0, HOLDS, f"{same} input files have the content that was read")


def _releases(located: Located, record: Mapping[str, Any]) -> Iterator[Finding]:
    """The log of releases, where the audit lies in an output folder."""
    if located.version:
        model_dir = os.path.dirname(located.version)
    elif output := output_of(located.folder):
        model_dir = os.path.join(output, "serving", record["pipeline"])
    else:
        return
    folder = os.path.dirname(model_dir)
    if not os.path.isfile(os.path.join(folder, JOURNAL_FILE)):
        if located.version:
            yield Finding(0, UNKNOWN, f"there is no {JOURNAL_FILE} in {folder}")
        return
    lines, wrong = read_journal(folder)
    yield from (Finding(0, BROKEN, sentence) for sentence in wrong)
    own = [line for line in lines if line.get("model") == record["pipeline"]]
    states = [line for line in own if "served" in line]
    if states and (states[-1]["served"], states[-1]["labels"]) != Releases(model_dir).state():
        yield Finding(
            0,
            BROKEN,
            f"the last line of {JOURNAL_FILE} does not tell of what models.config says: lines were "
            "cut off, or somebody changed the configuration by hand",
        )
    elif not wrong:
        yield Finding(0, HOLDS, f"{len(lines)} lines of {JOURNAL_FILE} are chained")
    statement = sha256_of(os.path.join(located.folder, STATEMENT_FILE))
    digests = {
        line["audit_sha256"]
        for line in own
        if line.get("model_digest") == record["model"]["digest"] and line.get("audit_sha256")
    }
    if digests and statement not in digests:
        yield Finding(
            0, BROKEN, f"{STATEMENT_FILE} is not the one with which the model was released"
        )
