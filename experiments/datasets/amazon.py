"""Amazon reviews of 2018: titles of reviewed products, and categories that are reviewed later.

DIR holds the reviews, `*.json.gz`, and the products' metadata, `meta_*.json.gz`: one JSON object a
line, as published. A user's behaviours are the titles of the products that the user reviewed.

    python -m experiments dataset amazon --data DIR --output OUT
"""

from __future__ import annotations

import argparse
import gzip
import html
import pathlib
import re
import zlib
from collections.abc import Iterator
from typing import Any

from experiments.datasets.buckets import Buckets
from experiments.datasets.writer import DataSetError, DataSetWriter
from ingestion.timestamps import parse_moment

WINDOWS = {
    "history": {"start": "2014-07-01", "end": "2015-01-01"},
    "target": {"start": "2015-01-01", "end": "2015-07-01"},
    "inference": {"start": "2015-07-01", "end": "2016-01-01"},
}
LABEL_WINDOW = {"start": "2016-07-01", "end": "2017-01-01"}
CATEGORIES = {
    "computer_books": ("Books", "Computers & Technology"),
    "video_games": ("Video Games",),
    "costumes": ("Costumes & Accessories",),
}
"""Task to the categories that must all be among a product's."""

_TEXT = {"vocabulary_size": 50_000, "max_behaviors": 25, "max_words": 35}
_SCRIPT = re.compile(r"getTime\(|<script|function\s*\(|var aPageStart", re.IGNORECASE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this data set."""
    parser.add_argument(
        "--negatives",
        choices=["all", "active"],
        default="all",
        help="who has no interest in a category, which the paper does not define: all users of the "
        "inference window without a review in it, or only those who reviewed anything in the "
        "labels' window",
    )


def write(data: pathlib.Path, writer: DataSetWriter, options: argparse.Namespace) -> None:
    """Joins reviews with titles, then users with what they reviewed later, a bucket at a time."""
    products = sorted(data.glob("meta_*.json.gz"))
    reviews = [path for path in sorted(data.glob("*.json.gz")) if path not in products]
    if not products or not reviews:
        raise DataSetError(
            f"{data} must hold reviews, *.json.gz, and metadata, meta_*.json.gz; it has "
            f"{len(reviews)} files of reviews and {len(products)} of metadata."
        )
    with Buckets(writer.folder) as users:
        with Buckets(writer.folder) as of_products, Buckets(writer.folder) as of_reviews:
            for record, place in _objects(products, writer):
                _keep_product(record, place, of_products, writer)
            for record, place in _objects(reviews, writer):
                _keep_review(record, place, of_reviews, writer)
            for number in range(len(of_products)):
                _join(of_products.read(number), of_reviews.read(number), users, writer)
        for number in range(len(users)):
            _write_users(users.read(number), options.negatives, writer)
    writer.facts |= {"negatives": options.negatives, "labelled_users_in_the_paper": 191_856}
    writer.configuration(
        "amazon",
        {task: ("0", "1") for task in CATEGORIES},
        data={"division": {"method": "windows", **WINDOWS}},
        text=_TEXT,
    )


def _objects(
    paths: list[pathlib.Path], writer: DataSetWriter
) -> Iterator[tuple[dict[str, Any], str]]:
    """The JSON objects of files of lines, each with its place; other lines are dropped."""
    for path in paths:
        try:
            with gzip.open(path, "rb") as file:
                for line, content in enumerate(file, start=1):
                    writer.read()
                    place = f"{path.name}:{line}"
                    record = writer.json_object(content, place)
                    if record is not None:
                        yield record, place
        except (OSError, EOFError, zlib.error) as error:
            raise DataSetError(f"{path}: is damaged ({error}). Download it again.") from error


def _keep_product(
    record: dict[str, Any], place: str, products: Buckets, writer: DataSetWriter
) -> None:
    asin, title = record.get("asin"), record.get("title")
    if not isinstance(asin, str) or not asin:
        return writer.drop("products without asin", place)
    title = html.unescape(title).strip() if isinstance(title, str) else ""
    if not title:
        writer.drop("products without a title", place)
    elif _SCRIPT.search(title):
        writer.drop("products whose title is a script", place)
        title = ""
    own = record.get("category")
    listed = [record.get("main_cat"), *(own if isinstance(own, list) else [])]
    names = {html.unescape(name).strip() for name in listed if isinstance(name, str)}
    tasks = [task for task, needed in CATEGORIES.items() if names.issuperset(needed)]
    products.add(asin, " ".join(title.split()), tasks)
    return None


def _keep_review(
    record: dict[str, Any], place: str, reviews: Buckets, writer: DataSetWriter
) -> None:
    user, asin, moment = (record.get(key) for key in ("reviewerID", "asin", "unixReviewTime"))
    if not isinstance(user, str) or not user or not isinstance(asin, str) or not asin:
        return writer.drop("reviews without reviewerID or asin", place)
    if not isinstance(moment, int) or isinstance(moment, bool):
        return writer.drop("reviews without unixReviewTime", place)
    if not (_within(moment, LABEL_WINDOW) or any(_within(moment, w) for w in WINDOWS.values())):
        return writer.drop("reviews outside all windows")
    reviews.add(asin, user, moment)
    return None


def _join(
    products: Iterator[list[Any]],
    reviews: Iterator[list[Any]],
    users: Buckets,
    writer: DataSetWriter,
) -> None:
    known: dict[str, tuple[str, list[str]]] = {}
    for asin, title, tasks in products:
        if asin in known:
            writer.drop("further rows of a product")
        else:
            known[asin] = title, tasks
    for asin, user, moment in reviews:
        title, tasks = known.get(asin, ("", []))
        if _within(moment, LABEL_WINDOW):
            users.add(user, "later", tasks)
            continue
        if not title:
            writer.drop("reviews of products without a title")
            continue
        writer.event(user, moment, title)
        if _within(moment, WINDOWS["inference"]):
            users.add(user, "represented", [])


def _write_users(records: Iterator[list[Any]], negatives: str, writer: DataSetWriter) -> None:
    represented: set[str] = set()
    interests: dict[str, set[str]] = {}
    for user, kind, tasks in records:
        if kind == "represented":
            represented.add(user)
        else:
            interests.setdefault(user, set()).update(tasks)
    for user in sorted(represented):
        if negatives == "active" and user not in interests:
            writer.drop("users who reviewed nothing in the labels' window")
            continue
        own = interests.get(user, set())
        writer.label(user, {task: int(task in own) for task in CATEGORIES})


def _within(moment: float, window: dict[str, str]) -> bool:
    return _BOUNDS[window["start"]] <= moment < _BOUNDS[window["end"]]


_BOUNDS = {
    moment: float(parse_moment(moment))
    for window in (*WINDOWS.values(), LABEL_WINDOW)
    for moment in window.values()
}
