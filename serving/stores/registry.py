"""Which stores there are, and how one is opened."""

from __future__ import annotations

import contextlib
import importlib
import sys
import urllib.parse
from collections.abc import Iterator
from typing import NamedTuple

from contract.errors import UsageError, UserError
from serving.stores.store import Store, StoreError


class MissingPackageError(UserError):
    """The store's client is not installed."""


class _Kind(NamedTuple):
    """A kind of store.

    Attributes:
        module: Has `open_store(destination, table)` and `ERRORS`, what its client raises.
        packages: That it imports, by the names of their distributions.
        both_stacks: Whether its client goes with the packages of Python 3.10.
        remedy: What to look at where it does not answer.
    """

    module: str
    packages: dict[str, str]
    both_stacks: bool
    remedy: str


STORES = {
    "lancedb": _Kind(
        "serving.stores.lancedb",
        {"lancedb": "lancedb"},
        both_stacks=False,
        remedy="See that the folder or URI is right and may be written",
    ),
    "faiss": _Kind(
        "serving.stores.faiss",
        {"faiss": "faiss-cpu"},
        both_stacks=True,
        remedy="See that the folder is right and may be written",
    ),
    "pgvector": _Kind(
        "serving.stores.pgvector",
        {"psycopg": "psycopg[binary]", "pgvector": "pgvector"},
        both_stacks=True,
        remedy="See that the server runs, that the DSN is right, and that PGPASSWORD is set if it "
        "asks for a password",
    ),
    "qdrant": _Kind(
        "serving.stores.qdrant",
        {"qdrant_client": "qdrant-client"},
        both_stacks=True,
        remedy="See that the server runs, that the URL is right, and that QDRANT_API_KEY is set if "
        "it asks for a key",
    ),
    "milvus": _Kind(
        "serving.stores.milvus",
        # A server is reached without Milvus Lite; who has a file without it is told by pymilvus.
        {"pymilvus": "pymilvus milvus-lite"},
        both_stacks=False,
        remedy="See that the server runs, that the URL is right, and that MILVUS_TOKEN is set if "
        "it asks for a token",
    ),
}


@contextlib.contextmanager
def opened(kind: str, destination: str, table: str) -> Iterator[Store]:
    """Opens a store, and closes it; what its client raises meanwhile becomes a `StoreError`.

    Args:
        kind: A key of `STORES`.
        destination: Folder, file, URL or DSN.
        table: Name of the table, or what the store calls so.

    Raises:
        MissingPackageError: The client is not installed.
        StoreError: The store does not answer, or not well.
        UsageError: The destination has a password in it.
    """
    if "://" in destination and urllib.parse.urlsplit(destination).password:
        raise UsageError(
            "The destination has a password, which whoever lists processes can read. Leave it out, "
            "and set the environment variable that --help names."
        )
    entry = STORES[kind]
    for package in entry.packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise MissingPackageError(_missing(kind, entry, error)) from error
    module = importlib.import_module(entry.module)
    try:
        store: Store = module.open_store(destination, table)
        with contextlib.closing(store):
            yield store
    except UserError:
        raise
    except module.ERRORS as error:
        said = " ".join(str(error).split())[:500] or type(error).__name__
        raise StoreError(f"{kind} at {destination}: {said}. {entry.remedy}.") from error


def _missing(kind: str, entry: _Kind, error: ImportError) -> str:
    names = " ".join(entry.packages.values())
    if not entry.both_stacks and sys.version_info < (3, 11):
        return (
            f"{kind} needs {names} ({error}), which cannot stand beside TFX 1.16. The command "
            "needs neither TFX nor TensorFlow: make an environment of its own (python -m venv "
            f"stores && stores/bin/pip install {names} pyarrow rich) and run it with that "
            "environment's Python, from this folder."
        )
    return (
        f"{kind} needs {names} ({error}). Install: pip install -r requirements-exports.txt, or "
        f"{names} alone."
    )
