r"""Query logs, the industrial form of the paper, as AOL's: queries, and what is known of users.

DIR holds the logs, `*.txt`, `*.tsv`, also with `.gz`: a header and columns divided by tabs, AOL's
`AnonID Query QueryTime ItemRank ClickURL` or others that `--columns` names. Labels come from two
files, of which at least one must be given: `--labels`, CSV with `user_id` and columns such as
`age` and `baby_age`; `--transactions`, CSV with `user_id` and `category`, of which the users of
each of `--categories` are told from all others.

    python -m experiments dataset query-logs --data DIR --transactions buys.csv \
        --categories outdoor,baby --labels profiles.csv --output OUT
"""

from __future__ import annotations

import argparse
import csv
import gzip
import pathlib
import zlib
from collections.abc import Iterator
from typing import IO

from contract.features import USER_ID
from experiments.datasets.buckets import Buckets
from experiments.datasets.writer import DataSetError, DataSetWriter
from ingestion.errors import BadValue
from ingestion.timestamps import parse_timestamp

_NO_QUERY = "-"
_CATEGORY = "category"
_MAX_CLASSES = 50
_TEXT = {"vocabulary_size": 178_422, "max_behaviors": 320, "max_words": 8}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this data set."""
    parser.add_argument(
        "--columns",
        default="AnonID,Query,QueryTime",
        help="names of the columns of user, query and time (default: AnonID,Query,QueryTime)",
    )
    parser.add_argument("--labels", metavar="CSV", help="user_id and a column a task")
    parser.add_argument("--transactions", metavar="CSV", help="user_id and category, a row a buy")
    parser.add_argument(
        "--categories", default="", help="categories that become tasks, divided by commas"
    )
    parser.add_argument(
        "--language", choices=["en", "zh", "mixed"], default="en", help="zh: by jieba"
    )


def write(data: pathlib.Path, writer: DataSetWriter, options: argparse.Namespace) -> None:
    """Streams the logs, then the labels' files, a bucket of users at a time."""
    patterns = ("*.txt", "*.tsv", "*.txt.gz", "*.tsv.gz")
    logs = sorted({path for pattern in patterns for path in data.glob(pattern)})
    if not logs:
        raise DataSetError(f"{data} holds no query log, {', '.join(patterns)}.")
    categories = [name.strip() for name in options.categories.split(",") if name.strip()]
    if not (options.labels or options.transactions):
        raise DataSetError("query logs have no labels: give --labels, --transactions or both.")
    if bool(options.transactions) != bool(categories):
        raise DataSetError("--transactions and --categories go together: give both or neither.")
    columns = [name.strip() for name in options.columns.split(",")]
    if len(columns) != 3:
        raise DataSetError("--columns must name three columns: user, query and time.")
    for path in logs:
        _write_queries(path, columns, writer)
    tasks = _write_labels(options, categories, writer)
    writer.configuration(
        "query-logs",
        tasks,
        data={"division": {"method": "fraction"}, "timestamp_unit": "seconds"},
        text={"language": options.language, **_TEXT},
    )


def _write_queries(path: pathlib.Path, columns: list[str], writer: DataSetWriter) -> None:
    last: tuple[str, str] | None = None
    try:
        with _open(path) as file:
            header = file.readline().rstrip("\r\n").split("\t")
            missing = [name for name in columns if name not in header]
            if missing:
                raise DataSetError(
                    f"{path}: has no column {', '.join(missing)}; its first line is "
                    f"{', '.join(header)}. Name the columns by --columns USER,QUERY,TIME."
                )
            user_at, query_at, time_at = map(header.index, columns)
            needed = max(user_at, query_at, time_at)
            for line, content in enumerate(file, start=2):
                writer.read()
                cells = content.rstrip("\r\n").split("\t")
                place = f"{path.name}:{line}"
                if len(cells) <= needed:
                    writer.drop("lines with too few columns", place)
                    continue
                user, query = cells[user_at].strip(), " ".join(cells[query_at].split())
                if not user or not query:
                    writer.drop("lines without user or query", place)
                elif query == _NO_QUERY:
                    writer.drop("queries that are `-`")
                # Every click and every further page of results repeats its query.
                elif (user, query) == last:
                    writer.drop("queries that repeat the one before")
                else:
                    last = user, query
                    try:
                        moment = int(parse_timestamp(cells[time_at].strip()))
                    except BadValue:
                        writer.drop("queries without a time", place)
                        continue
                    writer.event(user, moment, query)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataSetError(f"{path}: is damaged ({error}). Get it again.") from error


def _open(path: pathlib.Path) -> IO[str]:
    options = {"encoding": "utf-8", "errors": "replace"}
    if path.suffix == ".gz":
        return gzip.open(path, "rt", **options)  # type: ignore[call-overload]
    return open(path, **options)  # type: ignore[call-overload]


def _write_labels(
    options: argparse.Namespace, categories: list[str], writer: DataSetWriter
) -> dict[str, list[str]]:
    """Writes the labels; returns task to classes."""
    names: list[str] = []
    seen: dict[str, set[str]] = {}
    with Buckets(writer.folder) as users:
        if options.transactions:
            for row in _rows(options.transactions, [USER_ID, _CATEGORY], writer):
                users.add(row[USER_ID], "buys", row[_CATEGORY])
        if options.labels:
            for row in _rows(options.labels, [USER_ID], writer):
                profile = {name: value for name, value in row.items() if name != USER_ID}
                names = list(profile)
                users.add(row[USER_ID], "profile", profile)
        tasks = {f"likes_{_task(name)}": name for name in categories}
        for number in range(len(users)):
            buys: dict[str, set[str]] = {}
            profiles: dict[str, dict[str, str]] = {}
            for user, kind, value in users.read(number):
                if kind == "buys":
                    buys.setdefault(user, set()).add(value)
                elif user in profiles:
                    writer.drop("further rows of a user in --labels")
                else:
                    profiles[user] = value
            for user in sorted({*buys, *profiles}):
                labels = dict(profiles.get(user, dict.fromkeys(names, "")))
                for name, value in labels.items():
                    if value:
                        seen.setdefault(name, set()).add(value)
                for task, category in tasks.items():
                    # Who bought nothing at all is unknown, not uninterested.
                    labels[task] = str(int(category in buys[user])) if user in buys else ""
                writer.label(user, labels)
    many = [name for name in names if not 2 <= len(seen.get(name, ())) <= _MAX_CLASSES]
    if many:
        raise DataSetError(
            f"{options.labels}: {', '.join(many)} must have 2 to {_MAX_CLASSES} values."
        )
    return {
        **{name: sorted(seen[name]) for name in names},
        **{task: ["0", "1"] for task in tasks},
    }


def _rows(path: str, needed: list[str], writer: DataSetWriter) -> Iterator[dict[str, str]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = set(needed) - set(rows.fieldnames or ())
            if missing:
                raise DataSetError(f"{path}: has no column {', '.join(sorted(missing))}.")
            for row in rows:
                if not all((row[name] or "").strip() for name in needed) or None in row:
                    writer.drop("lines of labels that are incomplete", f"{path}:{rows.line_num}")
                    continue
                yield {name: (value or "").strip() for name, value in row.items()}
    except (OSError, UnicodeDecodeError) as error:
        raise DataSetError(f"{path}: cannot be read ({error}).") from error


def _task(category: str) -> str:
    """A category as part of a task's name."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in category.lower())
