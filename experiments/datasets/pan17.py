"""PAN 2017 author profiling: tweets of authors, their gender and their variety of English.

DIR holds `en/*.xml`, an author each, and `en/truth.txt`, lines `id:::gender:::variety`. At most
ten tweets of an author are drawn. The paper has 3,000 authors for training and 1,900 for the test;
which, is not published: they are drawn by the seed, of fewer authors in the same proportion.

    python -m experiments dataset pan17 --data DIR --output OUT
"""

from __future__ import annotations

import argparse
import pathlib
import random
import xml.etree.ElementTree as ElementTree
from typing import NamedTuple

from experiments.datasets.writer import DataSetError, DataSetWriter, own_split
from ingestion.timestamps import parse_moment

GENDERS = ("female", "male")
VARIETIES = ("australia", "canada", "great britain", "ireland", "new zealand", "united states")
SPLIT = "split"

_TRAIN, _TEST = 3_000, 1_900
_TWEETS = 10
_TEXT = {"vocabulary_size": 30_000, "max_behaviors": 10, "max_words": 12}
# The tweets have no times; their order in the file is taken for one, a minute apart.
_MINUTE = 60


class Author(NamedTuple):
    """An author with the tweets that were drawn, in the order of the file."""

    name: str
    gender: str
    variety: str
    split: str
    tweets: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this data set."""
    parser.add_argument(
        "--tweets", type=int, default=_TWEETS, help=f"drawn of an author (default: {_TWEETS})"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all draws (default: 0)")


def write(data: pathlib.Path, writer: DataSetWriter, options: argparse.Namespace) -> None:
    """Writes the authors; each one's tweets are divided into history and target."""
    write_authors(data, writer, options, "2017-01-01")
    writer.configuration(
        "pan17",
        {"gender": GENDERS, "variety": VARIETIES},
        data={"columns": {"split": SPLIT}, "division": {"method": "fraction"}},
        text={**_TEXT, "max_behaviors": options.tweets},
    )


def write_authors(
    data: pathlib.Path, writer: DataSetWriter, options: argparse.Namespace, start: str
) -> None:
    """Writes events and labels of all authors.

    Args:
        data: The folder that holds `en`.
        writer: Takes them.
        options: As of `add_arguments`.
        start: The moment of every author's first tweet.
    """
    moment = int(parse_moment(start))
    for author in _authors(data / "en", writer, options):
        for number, tweet in enumerate(author.tweets):
            writer.event(f"pan-{author.name}", moment + number * _MINUTE, tweet)
        labels = {"gender": author.gender, "variety": author.variety, SPLIT: author.split}
        writer.label(f"pan-{author.name}", labels)
    writer.facts |= {
        "tweets_of_an_author": options.tweets,
        "split": "drawn by the seed; the paper's is not published",
        "authors_in_the_paper": {"train": _TRAIN, "test": _TEST},
    }


def _authors(folder: pathlib.Path, writer: DataSetWriter, options: argparse.Namespace):
    truth = _truth(folder / "truth.txt", writer)
    names = sorted(truth)
    draw = random.Random(options.seed)
    draw.shuffle(names)
    users = min(len(names), _TRAIN + _TEST)
    if len(names) > users:
        writer.dropped["authors beyond the paper's 4,900"] += len(names) - users
    evaluated = round(users * _TEST / (_TRAIN + _TEST))
    for number, name in enumerate(names[:users]):
        writer.read()
        tweets = _tweets(folder / f"{name}.xml", writer)
        if len(tweets) > options.tweets:
            kept = sorted(draw.sample(range(len(tweets)), options.tweets))
            tweets = [tweets[place] for place in kept]
        if tweets:
            split = own_split(number, users, evaluated)
            yield Author(name, *truth[name], split, tweets)


def _truth(path: pathlib.Path, writer: DataSetWriter) -> dict[str, tuple[str, str]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataSetError(f"{path}: cannot be read ({error}). It says who is who.") from error
    truth = {}
    for line, content in enumerate(lines, start=1):
        name, *profile = content.strip().split(":::")
        if len(profile) != 2 or profile[0] not in GENDERS or profile[1] not in VARIETIES:
            if content.strip():
                writer.drop("lines of truth.txt that are none", f"truth.txt:{line}")
        elif name in truth:
            writer.drop("authors named twice in truth.txt", f"truth.txt:{line}")
        else:
            truth[name] = profile[0], profile[1]
    if not truth:
        raise DataSetError(f"{path}: no line is id:::gender:::variety.")
    return truth


def _tweets(path: pathlib.Path, writer: DataSetWriter) -> list[str]:
    try:
        root = ElementTree.parse(path).getroot()  # noqa: S314 - a local file of a corpus
    except OSError:
        writer.drop("authors without a file", path.name)
        return []
    except ElementTree.ParseError:
        writer.drop("authors whose file is no XML", path.name)
        return []
    texts = (" ".join((document.text or "").split()) for document in root.iter("document"))
    tweets = [text for text in texts if text]
    if not tweets:
        writer.drop("authors without a tweet", path.name)
    return tweets
