"""The command line: `python -m audit --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from contract.command_line import CommandLine

_DESCRIPTION = """\
Read, compare and verify the audits that `python -m pipeline run` leaves of every evaluated model,
the refused ones too. The page of an audit is report.html in its folder.

An audit is named by its own folder, a run (OUTPUT/runs/TIME), a pushed version
(OUTPUT/serving/NAME/VERSION) or an output folder, of which the newest audit is taken.

  python -m audit show runs/demo
  python -m audit verify runs/demo/serving/demo/1795446532 --public-key team.pub.pem
  python -m audit export runs/demo --to hugging-face --output README.md
  python -m audit diff runs/demo/serving/demo/1795446532 runs/demo
"""

_VERIFY_EPILOG = """\
levels, each with those below it:
  0  the record keeps to its schema; every file of the audit, of the model and of the input has its
     digest; the audit is signed by the key that --public-key names; the log of releases is chained
     and ends with what is served
  1  every figure, interval and comparison is computed again from predictions.parquet, and the
     verdict from these
  2  the examples of the evaluation are scored again by the model, to 1e-5

exit codes:
  0  all holds
  1  something does not; it is named
  2  there is no such audit
  4  nothing is wrong, but not all could be looked at here, such as a signature without its key; it
     is said why
"""

_EXPORT_EPILOG = """\
formats:
  openlineage   an event for a backend of OpenLineage: input files, model, their versions
  croissant     a description of the input files, which must be here as they were
  hugging-face  a model card, README.md of a repository of the Hub
  mlflow        a run: configuration, figures with their intervals, page and record

  python -m audit export runs/demo --to hugging-face --output README.md
  python -m audit export runs/demo --to mlflow --output mlruns
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses the command line and runs one command; returns the exit code."""
    commands = CommandLine("python -m audit", _DESCRIPTION)

    show = commands.add("show", _show, "print an audit's verdict and figures")
    show.add_argument("audit", help="folder of an audit, a run, a version or an output folder")
    show.add_argument("--json", action="store_true", help="print the record, audit.json")

    verify = commands.add(
        "verify",
        _verify,
        "find out whether an audit holds",
        description="Looks at everything that an audit says, and names what does not hold.",
        epilog=_VERIFY_EPILOG,
    )
    verify.add_argument("audit", help="folder of an audit, a run, a version or an output folder")
    verify.add_argument(
        "--level", type=int, default=1, choices=(0, 1, 2), help="how far to go (default: 1)"
    )
    verify.add_argument(
        "--public-key",
        action="append",
        default=[],
        metavar="PEM",
        help="public key by which the audit must be signed; more than once: by one of them",
    )
    verify.add_argument("--json", action="store_true", help="print the findings as JSON")

    diff = commands.add(
        "diff",
        _diff,
        "compare two audits",
        description="Says what changed from one audit to another: data, code, configuration, "
        "figures, and the users whose likeliest class is another one.",
    )
    diff.add_argument("first", help="folder of an audit, a run, a version or an output folder")
    diff.add_argument("second", help="the same")
    diff.add_argument("--json", action="store_true", help="print JSON, with all users")

    export = commands.add(
        "export",
        _export,
        "write an audit in another program's format",
        description="Writes an audit that holds in another format, by that format's own library, "
        "which requirements-exports.txt brings.",
        epilog=_EXPORT_EPILOG,
    )
    export.add_argument("audit", help="folder of an audit, a run, a version or an output folder")
    export.add_argument(
        "--to",
        required=True,
        choices=("openlineage", "croissant", "hugging-face", "mlflow"),
        help="the format",
    )
    export.add_argument(
        "--output",
        required=True,
        metavar="PATH",
        help="file to write; of mlflow a tracking URI, or the folder of a file store",
    )

    return commands.main(arguments)


def _show(args: argparse.Namespace) -> int:
    from audit.commands import show

    return show(args)


def _verify(args: argparse.Namespace) -> int:
    from audit.commands import verify_command

    return verify_command(args)


def _export(args: argparse.Namespace) -> int:
    from audit.export.command import export

    return export(args)


def _diff(args: argparse.Namespace) -> int:
    from audit.commands import diff

    return diff(args)


if __name__ == "__main__":
    sys.exit(main())
