"""`python -m audit show`, `verify` and `diff`."""

from __future__ import annotations

import argparse
import json
from typing import Any

import rich.box
from rich.markup import escape
from rich.table import Table
from tfx.dsl.io import fileio

from audit.difference import compare_audits
from audit.keys import read_public_key
from audit.locate import locate
from audit.page.page import PAGE_FILE
from audit.predictions import PREDICTIONS_FILE, read_predictions
from audit.record import read_record, to_json
from audit.signature import SIGNATURE_FILE
from audit.verify.finding import BROKEN, HOLDS, UNKNOWN
from audit.verify.verify import verify
from contract import exit_codes
from serving.quiet import quiet_tensorflow
from serving.wide_console import wide_console

_SHOWN_USERS = 10
_UNSIGNED = "[red]not signed: nothing shows who made it[/]"
_MARKS = {HOLDS: "[green]\N{CHECK MARK}[/]", BROKEN: "[red]\N{BALLOT X}[/]", UNKNOWN: "?"}


def show(args: argparse.Namespace) -> int:
    """Prints the verdict and the figures; returns the exit code."""
    located = locate(args.audit)
    record = read_record(located.folder)
    if args.json:
        print(to_json(record), end="")
        return exit_codes.OK
    console = wide_console()
    verdict = record["verdict"]
    word = "[green]blessed[/]" if verdict["blessed"] else "[red]refused[/]"
    console.print(f"{escape(record['pipeline'])}, {record['created_at']}: {word}")
    for sign, key in (("against", "reasons_against"), ("for", "reasons_for")):
        for reason in verdict[key]:
            console.print(f"  {sign}: {escape(reason)}", highlight=False)
    table = Table(box=rich.box.HORIZONTALS)
    for column in (
        "task",
        "users",
        "AUC",
        "needed",
        "against the last blessed",
        "calibration error",
    ):
        table.add_column(column)
    for name, task in record["tasks"].items():
        table.add_row(
            name,
            f"{task['users']:,}",
            _estimate(task["auc"]),
            f"{task['min_auc']:.3f}",
            _estimate(task["baseline"], "difference"),
            _estimate(task["calibration_error"]),
        )
    console.print(table)
    code = record["code"]
    dirty = {True: ", with changed files", False: "", None: ", changes not known"}[code["dirty"]]
    if key := record["signature"]:
        console.print(f"signed   it says by the key {key}; verify --public-key checks it")
    else:
        console.print(f"signed   {_UNSIGNED}")
    for key, value in (
        ("model", record["model"]["digest"]),
        ("code", f"{code['commit'] or 'unknown'}{dirty}"),
        ("owner", record["subject"]["owner"] or "not stated"),
        ("page", f"{located.folder}/{PAGE_FILE}"),
    ):
        console.print(f"{key:8s} {value}", soft_wrap=True, highlight=False, markup=False)
    return exit_codes.OK


def verify_command(args: argparse.Namespace) -> int:
    """Prints what holds and what does not; returns the exit code."""
    located = locate(args.audit)
    # What TensorFlow says of itself is no finding.
    quiet_tensorflow()
    keys = [read_public_key(path) for path in args.public_key]
    console = wide_console()
    findings = []
    for finding in verify(located, args.level, keys):
        findings.append(finding)
        if not args.json:
            console.print(
                f"{_MARKS[finding.state]} {finding.level}  {escape(finding.sentence)}",
                soft_wrap=True,
                highlight=False,
            )
    states = {finding.state for finding in findings}
    code, verdict = exit_codes.OK, "holds"
    if BROKEN in states:
        code, verdict = exit_codes.FAILED, "does not hold"
    elif UNKNOWN in states:
        code, verdict = exit_codes.CANNOT_VERIFY, "cannot be verified here as a whole"
    if args.json:
        content = {"audit": located.folder, "verdict": verdict, "level": args.level}
        found = [finding._asdict() for finding in findings]
        print(json.dumps({**content, "findings": found}, indent=2, ensure_ascii=False))
    else:
        console.print(f"{escape(located.folder)} {verdict}.", soft_wrap=True, highlight=False)
        if not fileio.exists(f"{located.folder}/{SIGNATURE_FILE}"):
            console.print(f"It is {_UNSIGNED}.", soft_wrap=True, highlight=False)
    return code


def diff(args: argparse.Namespace) -> int:
    """Prints what changed; returns the exit code."""
    folders = [locate(path).folder for path in (args.first, args.second)]
    records = [read_record(folder) for folder in folders]
    predictions = [read_predictions(f"{folder}/{PREDICTIONS_FILE}") for folder in folders]
    found = compare_audits(records[0], records[1], predictions[0], predictions[1])
    if args.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return exit_codes.OK
    console = wide_console()
    for part in ("data", "code", "configuration"):
        console.print(f"[bold]{part}[/]" + ("" if found[part] else ": the same"))
        for change in found[part]:
            console.print(f"  {escape(change)}", soft_wrap=True, highlight=False)
    console.print(f"[bold]users[/] of both: {found['common_users']:,}")
    for task, each in found["tasks"].items():
        compared = each["auc"]
        auc = "cannot be compared" if compared is None else _estimate(compared, "difference")
        drift = f"{each['class_drift']:.3f}"
        console.print(
            f"  {escape(task)}: AUC of the second less the first {auc}; classes drifted by {drift} "
            f"(Jensen-Shannon); {len(each['flipped'])} users have another likeliest class",
            soft_wrap=True,
            highlight=False,
        )
        for user in each["flipped"][:_SHOWN_USERS]:
            console.print(
                f"    {user['user']}: {user['first']} to {user['second']}", highlight=False
            )
        if len(each["flipped"]) > _SHOWN_USERS:
            console.print(f"    and {len(each['flipped']) - _SHOWN_USERS} more (--json has all)")
    return exit_codes.OK


def _estimate(section: dict[str, Any] | None, key: str = "value") -> str:
    if section is None:
        return "-"
    sign = "+" if key == "difference" else ""
    return " ".join(
        [
            f"{section[key]:{sign}.3f}",
            f"({section['low']:{sign}.3f} to {section['high']:{sign}.3f})",
        ]
    )
