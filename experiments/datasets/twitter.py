"""Twitter's public stream as archived, and PAN 2017's authors, who are represented by it.

DIR holds tar files (also compressed ones) of the archive, whose members are
`[YYYY/]MM/DD/HH/mm.json.bz2`, and the folder `en` of PAN 2017 (see `dataset pan17`). Users of the
stream have no labels, they teach the encoder; the authors have, and are represented by ten tweets.

    python -m experiments dataset twitter --data DIR --output OUT
"""

from __future__ import annotations

import argparse
import bz2
import datetime
import html
import pathlib
import tarfile
from collections.abc import Iterator
from typing import Any

from experiments.datasets import pan17
from experiments.datasets.writer import DataSetError, DataSetWriter
from ingestion.timestamps import parse_moment

HISTORY = {"start": "2016-08-01", "end": "2016-11-01"}
TARGET = {"start": "2016-11-01", "end": "2017-02-01"}
# The authors' tweets have no times: they are put behind the stream, in a window of their own.
INFERENCE = {"start": "2017-02-01", "end": "2017-03-01"}

_TEXT = {"vocabulary_size": 30_000, "max_behaviors": 10, "max_words": 12}
_CREATED = "%a %b %d %H:%M:%S %z %Y"

add_arguments = pan17.add_arguments


def write(data: pathlib.Path, writer: DataSetWriter, options: argparse.Namespace) -> None:
    """Streams the archive, a tweet at a time, then writes the authors."""
    archives = sorted(path for path in data.glob("*.tar*") if path.is_file())
    if not archives:
        raise DataSetError(f"{data} holds no tar file of the archive, *.tar or *.tar.gz.")
    start, end = parse_moment(HISTORY["start"]), parse_moment(TARGET["end"])
    for record, place in _records(archives, writer):
        tweet = _tweet(record)
        if isinstance(tweet, str):
            writer.drop(tweet, place)
        elif start <= tweet[1] < end:
            writer.event(*tweet)
        else:
            writer.drop("tweets outside both windows", place)
    pan17.write_authors(data, writer, options, INFERENCE["start"])
    windows = {"history": HISTORY, "target": TARGET, "inference": INFERENCE}
    writer.configuration(
        "twitter",
        {"gender": pan17.GENDERS, "variety": pan17.VARIETIES},
        data={
            "columns": {"split": pan17.SPLIT},
            "division": {"method": "windows", **windows},
        },
        text=_TEXT,
    )


def _records(
    archives: list[pathlib.Path], writer: DataSetWriter
) -> Iterator[tuple[dict[str, Any], str]]:
    for archive in archives:
        try:
            # As a stream: nothing is unpacked, and nothing is read twice.
            with tarfile.open(archive, "r|*") as tar:
                for member in tar:
                    if member.isfile() and member.name.endswith(".json.bz2"):
                        yield from _lines(tar, member, writer)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise DataSetError(f"{archive}: is damaged ({error}). Download it again.") from error


def _lines(
    tar: tarfile.TarFile, member: tarfile.TarInfo, writer: DataSetWriter
) -> Iterator[tuple[dict[str, Any], str]]:
    packed = tar.extractfile(member)
    if packed is None:
        return
    line = 0
    with packed, bz2.open(packed, "rb") as file:
        try:
            for line, content in enumerate(file, start=1):
                if not content.strip():
                    continue
                writer.read()
                place = f"{member.name}:{line}"
                record = writer.json_object(content, place)
                if record is not None:
                    yield record, place
        except (OSError, EOFError):
            writer.drop("members that are damaged", f"{member.name}:{line}")


def _tweet(record: dict[str, Any]) -> tuple[str, int, str] | str:
    """User, Unix seconds and text of a tweet, or why a record gives none."""
    if "delete" in record:
        return "deletes"
    extended = record.get("extended_tweet")
    text = extended.get("full_text") if isinstance(extended, dict) else None
    text = text or record.get("full_text") or record.get("text")
    user = record.get("user")
    user_id = user.get("id_str") if isinstance(user, dict) else None
    if not isinstance(text, str) or not isinstance(user_id, str) or not user_id:
        return "records that are no tweets"
    if "retweeted_status" in record or text.startswith("RT @"):
        return "retweets"
    if record.get("lang") != "en":
        return "tweets in another language than English"
    moment = _moment(record)
    if moment is None:
        return "tweets without a time"
    text = " ".join(html.unescape(text).split())
    return (user_id, moment, text) if text else "tweets without text"


def _moment(record: dict[str, Any]) -> int | None:
    """Unix seconds, of `timestamp_ms` or else of `created_at`."""
    try:
        return int(record["timestamp_ms"]) // 1000
    except (KeyError, TypeError, ValueError):
        pass
    try:
        created = datetime.datetime.strptime(record["created_at"], _CREATED)
    except (KeyError, TypeError, ValueError):
        return None
    return int(created.timestamp())
