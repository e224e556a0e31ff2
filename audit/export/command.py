"""`python -m audit export`: an audit that holds, in another format."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Any, NamedTuple

from audit.locate import locate
from audit.verify.finding import BROKEN
from audit.verify.seal import check_files, checked_record
from contract import exit_codes
from contract.errors import UsageError, UserError
from serving.quiet import quiet_tensorflow


class MissingPackageError(UserError):
    """The format's library is not installed."""


class BrokenAuditError(UserError):
    """An audit does not hold, and is not spread."""


class _Format(NamedTuple):
    """A format.

    Attributes:
        module: Has `write(record, folder, output)`.
        package: That it imports.
        distribution: That package's name on PyPI.
    """

    module: str
    package: str
    distribution: str


_FORMATS = {
    "openlineage": _Format("audit.export.openlineage", "openlineage.client", "openlineage-python"),
    "croissant": _Format("audit.export.croissant", "mlcroissant", "mlcroissant"),
    "hugging-face": _Format("audit.export.hugging_face", "huggingface_hub", "huggingface-hub"),
    "mlflow": _Format("audit.export.mlflow", "mlflow", "mlflow-skinny"),
}


def export(args: argparse.Namespace) -> int:
    """Writes the audit in a format; returns the exit code.

    Raises:
        MissingPackageError: The format's library is not installed.
        BrokenAuditError: The audit does not hold.
        UsageError: The output is inside of the audit.
    """
    located = locate(args.audit)
    # TensorFlow is loaded for the files alone.
    quiet_tensorflow()
    record = _whole(located.folder)
    remote = "://" in args.output
    output = args.output if remote else os.path.abspath(args.output)
    if not remote and os.path.commonpath([output, located.folder]) == located.folder:
        raise UsageError(
            f"--output: {output} is inside of the audit, which would not hold any more. Name a "
            "path beside it."
        )
    chosen = _FORMATS[args.to]
    try:
        importlib.import_module(chosen.package)
    except ImportError as error:
        raise MissingPackageError(_remedy(args.to, chosen.distribution, error)) from error
    importlib.import_module(chosen.module).write(record, located.folder, output)
    print(output)
    return exit_codes.OK


def _whole(folder: str) -> dict[str, Any]:
    record, finding = checked_record(folder)
    wrong = [finding, *check_files(folder)]
    broken = [each.sentence for each in wrong if each.state == BROKEN]
    if record is None or broken:
        raise BrokenAuditError(f"{folder} does not hold, and is not exported: {'; '.join(broken)}")
    return record


def _remedy(name: str, distribution: str, error: ImportError) -> str:
    if name == "mlflow" and sys.version_info[:2] == (3, 11):
        return (
            "--to mlflow: on Python 3.11 no mlflow-skinny from 3 on can stand beside TFX's "
            "packages. Export on Python 3.12 or 3.13; audits are the same everywhere."
        )
    return (
        f"--to {name} needs the package {distribution} ({error}). Install it: pip install "
        f"-r requirements-exports.txt, or {distribution} alone."
    )
