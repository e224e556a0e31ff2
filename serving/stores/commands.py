"""`python -m serving export` and `forget`."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Collection

import pyarrow as pa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from contract import exit_codes
from contract.errors import UsageError, UserError
from contract.features import USER_ID
from serving.bulk.forgetting import find_users, forget_users
from serving.bulk.user_ids import read_user_ids
from serving.bulk.vectors import BEHAVIOR_COUNT, dimension_of, open_vectors, read_encoding
from serving.stores.registry import STORES, opened
from serving.stores.store import ENCODING, Store, StoreError

_COLUMNS = [USER_ID, "vector", BEHAVIOR_COUNT, "periods", "model_version"]
_IDS_AT_ONCE = 1000


class FoundError(UserError):
    """Users who are to be forgotten are still there; the message says where."""


def export(args: argparse.Namespace) -> int:
    """Makes a store's rows of a version what the vectors are; returns the exit code.

    Raises:
        MissingPackageError: The store's client is not installed.
        StoreError: The store does not answer, or has something else afterwards.
        VectorsError: There is no finished encoding.
    """
    summary = read_encoding(args.vectors)
    table = open_vectors(args.vectors)
    version, encoding = summary["model_version"], summary["fingerprint"]
    console = Console(stderr=True, highlight=False)
    with (
        opened(args.to, args.destination, args.table) as store,
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
        ) as progress,
    ):
        task = progress.add_task(f"to {args.to}", total=summary["users"])
        store.begin(dimension_of(table))
        for batch in table.to_batches(columns=_COLUMNS, batch_size=store.rows):
            if len(batch):
                store.upsert(_with_encoding(batch, encoding))
                progress.advance(task, len(batch))
        store.finish(version, encoding)
        count = store.count(version)
    if count != summary["users"]:
        raise StoreError(
            f"{args.to} has {count:,} users of version {version} now, {args.vectors} has "
            f"{summary['users']:,}: something else writes there. Run the same command again."
        )
    console.print(
        f"{args.to}, table {args.table}: {count:,} users of version {version}", soft_wrap=True
    )
    return exit_codes.OK


def forget(args: argparse.Namespace) -> int:
    """Takes users out of vectors and stores, and looks whether they are gone.

    Returns:
        The exit code.

    Raises:
        FoundError: One is still there.
        MissingPackageError: A store's client is not installed.
        StoreError: A store does not answer.
        VectorsError: There are no vectors in a place.
    """
    user_ids = sorted(set(read_user_ids(args.users)))
    left = []
    for place in args.places:
        found = _look(place, user_ids, args.table, remove=not args.check)
        if found:
            left.append(f"{place}: {len(found):,}, such as {min(found)}")
    if left:
        raise FoundError(
            f"Of the users of {args.users} there are still, in {'; in '.join(left)}. "
            + ("Run it without --check." if args.check else "Something else writes there.")
        )
    print(f"none of {len(user_ids):,} users is in {', '.join(args.places)}")
    return exit_codes.OK


def _look(place: str, user_ids: Collection[str], table: str, *, remove: bool) -> set[str]:
    """Takes users out of one place, if that is wanted; returns those who are there then."""
    kind, is_store, destination = place.partition("=")
    if not is_store:
        if remove:
            forget_users(place, user_ids)
        return find_users(place, user_ids)
    if kind not in STORES:
        raise UsageError(
            f"{place}: there is no store {kind}. Write STORE=DESTINATION with one of "
            f"{', '.join(STORES)}, or the folder that `serving encode` wrote."
        )
    with opened(kind, destination, table) as store:
        if remove:
            _each(store.forget, user_ids)
        return _found(store, user_ids)


def _found(store: Store, user_ids: Collection[str]) -> set[str]:
    found: set[str] = set()
    _each(lambda some: found.update(store.find(some)), user_ids)
    return found


def _each(function: Callable[[list[str]], None], user_ids: Collection[str]) -> None:
    """Calls a function with so many ids as a store's query takes."""
    remaining = iter(user_ids)
    while some := list(itertools.islice(remaining, _IDS_AT_ONCE)):
        function(some)


def _with_encoding(batch: pa.RecordBatch, encoding: str) -> pa.RecordBatch:
    columns = [*batch.columns, pa.array([encoding] * len(batch), pa.string())]
    return pa.RecordBatch.from_arrays(columns, [*_COLUMNS, ENCODING])
