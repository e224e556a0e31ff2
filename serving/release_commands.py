"""`python -m serving versions`, `label` and `rollback`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

import rich.box
from rich.table import Table

from contract import exit_codes
from contract.errors import UserError
from ingestion.stores import is_stored
from serving.client import ServingError, UserEncoderClient
from serving.releases.mirror import publish_model
from serving.releases.releases import ReleaseError, Releases
from serving.wide_console import wide_console


def versions(args: argparse.Namespace) -> int:
    """Prints the versions, as a table or as JSON; returns the exit code."""
    found = Releases(args.model_dir).versions()
    if not found:
        raise ReleaseError(f"{args.model_dir} has no versions")
    if args.json:
        rows = [
            {
                "version": version.number,
                "path": version.path,
                "served": version.is_served,
                "labels": version.labels,
                "card": version.card,
            }
            for version in found
        ]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return exit_codes.OK
    table = Table(box=rich.box.HORIZONTALS)
    for column in ("version", "served", "labels", "pushed", "AUC", "digest"):
        table.add_column(column)
    for version in found:
        aucs = (
            f"{task} {metrics['auc']:.3f}"
            for task, metrics in version.card.get("metrics", {}).items()
            if "auc" in metrics
        )
        table.add_row(
            str(version.number),
            "yes" if version.is_served else "",
            ", ".join(version.labels),
            version.card.get("pushed_at", "")[:19],
            "\n".join(aucs),
            version.card.get("digest", "")[:12],
        )
    wide_console().print(table)
    return exit_codes.OK


def publish(args: argparse.Namespace) -> int:
    """Copies versions to an object store; returns the exit code."""
    if not is_stored(args.folder):
        raise ReleaseError(f"{args.folder} is no store: name a folder as s3://bucket/models.")
    if args.keep is not None and args.keep < 1:
        raise ReleaseError(f"--keep {args.keep}: at least 1 is needed.")
    brought = publish_model(args.model_dir, args.folder, args.keep)
    wide_console().print(
        f"{args.folder}: {', '.join(map(str, brought)) or 'nothing'} new, models.config as here",
        highlight=False,
    )
    return exit_codes.OK


def label(args: argparse.Namespace) -> int:
    """Moves a label; returns the exit code."""
    name, _, number = args.assignment.partition("=")
    if not number.isdigit():
        raise ReleaseError("LABEL=VERSION is needed, such as stable=1795446532")
    releases = Releases(args.model_dir)
    return _step(
        args, releases, lambda: (int(number), releases.move_label(name, int(number))), name
    )


def rollback(args: argparse.Namespace) -> int:
    """Goes back; returns the exit code."""
    releases = Releases(args.model_dir)
    return _step(args, releases, releases.rollback, "stable")


def _step(
    args: argparse.Namespace,
    releases: Releases,
    step: Callable[[], tuple[int, bool]],
    label: str,
) -> int:
    """Takes a step; if the version must be loaded first, waits for it and takes it again."""
    number, done = step()
    if not done and args.server is None:
        raise UserError(
            f"{label} has not moved yet: version {number} had to be served first, and now is "
            f"({releases.config_file}). When the server has loaded it, run the same command again "
            "(or give --server, to wait for it)."
        )
    if not done:
        try:
            with UserEncoderClient(args.server, releases.name, version=number) as client:
                client.wait_until_ready(args.timeout)
        except ServingError as error:
            raise UserError(f"version {number} did not become available: {error}") from error
        number, done = step()
    if not done:
        raise UserError(
            f"{label} has not moved: version {number} is not served any more; another command "
            "changed that. Run the same command again."
        )
    print(f"{releases.config_file}: {label} is version {number}")
    return exit_codes.OK
