"""How many records a second the adapters read, and events they write, on generated files.

    python -m experiments.adapter_speed --records 200000

Files of the published layouts are generated with a fixed seed, the sizes of their records as in
the real ones; each adapter then runs in a process of its own, whose peak memory is told too. A
record is a line that is read, an event one that is written; rates are by the clock and, where
other programs run beside it, by the time of one processor.
"""

from __future__ import annotations

import argparse
import bz2
import contextlib
import gzip
import io
import json
import multiprocessing
import os
import pathlib
import random
import resource
import tarfile
import tempfile
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from experiments.dataset_command import add_datasets, write_dataset

_BY_PROCESSOR = ("records/s of CPU", "events/s of CPU")
_JULY_2014 = 1404172800
_SECONDS = 78_000_000  # To the end of 2016.
_WORDS = [f"word{number}" for number in range(5_000)]


def main() -> None:
    """Generates, measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=200_000, help="(default: 200000)")
    records = parser.parse_args().records
    command = argparse.ArgumentParser()
    add_datasets(command)
    table = Table(title=f"{records:,} generated records on {os.cpu_count()} processors")
    for column in ("data set", "records/s", "events/s", *_BY_PROCESSOR, "peak MB"):
        table.add_column(column, justify="left" if column == "data set" else "right")
    for name, (generate, options) in _DATASETS.items():
        with tempfile.TemporaryDirectory() as scratch:
            data = pathlib.Path(scratch, "data")
            data.mkdir()
            generate(data, records, random.Random(0))
            called = [name, "--data", str(data), "--output", os.path.join(scratch, "output")]
            arguments = command.parse_args(called + [each.format(data=data) for each in options])
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                report, megabytes = pool.apply(_run, (arguments,))
        table.add_row(
            name,
            *(
                f"{report[kind] / report[seconds]:,.0f}"
                for seconds in ("seconds", "cpu_seconds")
                for kind in ("records", "events")
            ),
            f"{megabytes:,.0f}",
        )
    Console(width=100).print(table)


def _run(arguments: argparse.Namespace):
    with contextlib.redirect_stderr(io.StringIO()):
        report = write_dataset(arguments)
    return report, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _amazon(data: pathlib.Path, records: int, draw: random.Random) -> None:
    products = records // 5
    with gzip.open(data / "meta_X.json.gz", "wt", compresslevel=1) as file:
        for number in range(products):
            product = {
                "asin": f"B{number:09d}",
                "title": _text(draw, 10),
                "category": ["Books", "Computers &amp; Technology"]
                if number % 9 == 0
                else ["Toys"],
                "main_cat": "Toys",
                "description": [_text(draw, 40)],
            }
            file.write(json.dumps(product) + "\n")
    with gzip.open(data / "X.json.gz", "wt", compresslevel=1) as file:
        for _ in range(records - products):
            review = {
                "overall": 5.0,
                "reviewerID": f"A{draw.randrange(records // 10):012d}",
                "asin": f"B{draw.randrange(products):09d}",
                "reviewText": _text(draw, 50),
                "unixReviewTime": _JULY_2014 + draw.randrange(_SECONDS),
            }
            file.write(json.dumps(review) + "\n")


def _twitter(data: pathlib.Path, records: int, draw: random.Random) -> None:
    with tarfile.open(data / "archive.tar", "w") as tar:
        for minute in range(max(records // 3000, 1)):
            lines = []
            for _ in range(3000):
                tweet = {
                    "created_at": "Mon Aug 15 10:00:00 +0000 2016",
                    "timestamp_ms": str(1471255200000 + minute * 60_000),
                    "text": _text(draw, 14),
                    "lang": draw.choice(["en", "en", "ja", "es"]),
                    "user": {"id_str": str(draw.randrange(records)), "name": _text(draw, 2)},
                    "entities": {"filler": _text(draw, 150)},
                }
                lines.append(json.dumps(tweet))
            content = bz2.compress("\n".join(lines).encode())
            member = tarfile.TarInfo(f"2016/08/15/{minute // 60:02d}/{minute % 60:02d}.json.bz2")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    (data / "en").mkdir()
    (data / "en" / "a.xml").write_text("<author><document>hello</document></author>")
    (data / "en" / "b.xml").write_text("<author><document>goodbye</document></author>")
    (data / "en" / "truth.txt").write_text("a:::male:::canada\nb:::female:::ireland\n")


def _queries(data: pathlib.Path, records: int, draw: random.Random) -> None:
    with gzip.open(data / "log.txt.gz", "wt", compresslevel=1) as file:
        file.write("AnonID\tQuery\tQueryTime\tItemRank\tClickURL\n")
        for number in range(records):
            file.write(f"{number // 50}\t{_text(draw, 4)}\t2006-03-01 07:17:12\t1\thttp://x.com\n")
    (data / "labels.csv").write_text("user_id,age\n0,20\n1,30\n")


def _text(draw: random.Random, words: int) -> str:
    return " ".join(draw.choices(_WORDS, k=words))


_DATASETS: dict[str, tuple[Callable[[pathlib.Path, int, random.Random], None], list[str]]] = {
    "amazon": (_amazon, []),
    "twitter": (_twitter, []),
    "query-logs": (_queries, ["--labels", "{data}/labels.csv"]),
}
"""Name to what generates it, and what else its command is given."""


if __name__ == "__main__":
    main()
