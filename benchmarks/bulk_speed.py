"""Users and events per second of the bulk encoding, against a plain loop over the SavedModel.

    python -m benchmarks.bulk_speed runs/demo/serving/demo/VERSION runs/demo-data/events.jsonl.gz
    python -m benchmarks.bulk_speed VERSION --against OLDER_VERSION EVENTS

Users get as many texts of the log as a log-normal distribution with the given median says, many
with few and few with many, in no order. The loop is what one would write without this project: the
signature on 64 users at a time, as they come. What reads and gathers the events is left out, as it
is the same for both. Rounds go in turns; the first one is not counted.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pyarrow as pa
import tensorflow as tf

from benchmarks.text_speed import read_texts
from contract.event_channels import TIME
from contract.features import BEHAVIORS
from contract.signatures import SERVING_DEFAULT, USER_VECTOR
from ingestion.spill import UserRecords
from ingestion.timestamp_units import Clock
from serving.bulk.config import EncodingConfig
from serving.bulk.encode_bucket import EncodeBucket

_LOOP_BATCH = 64
_SPREAD = 1.0
"""Of the logarithm of the number of texts."""


def main() -> None:
    """Runs the command line: encodes the same users in every way, in turns."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="folder of one version, a SavedModel")
    parser.add_argument("events", help="log whose texts the users get")
    parser.add_argument("--against", metavar="OLDER", help="another version, for the loop as well")
    parser.add_argument("--users", type=int, default=4096, help="(default: 4096)")
    parser.add_argument("--behaviors", type=int, default=15, help="median texts (default: 15)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    args = parser.parse_args()
    users = _users(read_texts(args.events, 65_536), args.users, args.behaviors)
    ways = {"bulk": _bulk(args.model), "loop": _loop(args.model)}
    if args.against:
        ways |= {"bulk, older": _bulk(args.against), "loop, older": _loop(args.against)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    vectors = {}
    for round_ in range(args.rounds + 1):
        for name, encode in ways.items():
            start = time.perf_counter()
            vectors[name] = encode(users)
            if round_:
                seconds[name].append(time.perf_counter() - start)
    events = sum(len(user.texts) for user in users)
    print(f"{len(users):,} users, {events:,} events, median of {args.rounds} rounds\n")
    print(f"{'':14}{'users/s':>9}{'events/s':>10}{'ratio':>7}{'difference':>12}")
    slowest = np.median(seconds[list(ways)[-1]])
    for name, times in seconds.items():
        median = np.median(times)
        difference = np.abs(vectors[name] - vectors["loop"]).max()
        print(
            f"{name:14}{len(users) / median:9.0f}{events / median:10.0f}"
            f"{slowest / median:7.2f}{difference:12.1e}"
        )


def _users(texts: list[str], count: int, median: int) -> list[UserRecords]:
    rng = np.random.default_rng(0)
    lengths = np.maximum(rng.lognormal(np.log(median), _SPREAD, count).astype(int), 1)
    moments = (np.sort(rng.uniform(1.7e9, 1.73e9, length)) for length in lengths)
    return [
        UserRecords(
            f"u{number}",
            times,
            pa.array([texts[i] for i in rng.choice(len(texts), len(times))], pa.large_string()),
            [],
        )
        for number, times in enumerate(moments)
    ]


def _bulk(path: str):
    bucket = EncodeBucket(path, 1, "", EncodingConfig(), Clock.of({}, "seconds"), 1)
    bucket.setup()

    def encode(users):
        tables = bucket.tables(users, {})
        return np.concatenate(
            [
                table["vector"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)
                for table in tables
            ]
        )

    return encode


def _loop(path: str):
    # The model must live as long as its signature.
    model = tf.saved_model.load(path)

    def encode(users):
        vectors = []
        for start in range(0, len(users), _LOOP_BATCH):
            examples = []
            for user in itertools.islice(users, start, start + _LOOP_BATCH):
                example = tf.train.Example()
                features = example.features.feature
                features[BEHAVIORS].bytes_list.value.extend(
                    text.encode() for text in user.texts.to_pylist()
                )
                features[TIME.feature].int64_list.value.extend(user.timestamps.astype(np.int64))
                examples.append(example.SerializeToString())
            outputs = model.signatures[SERVING_DEFAULT](examples=tf.constant(examples))
            vectors.append(outputs[USER_VECTOR].numpy())
        return np.concatenate(vectors)

    return encode


if __name__ == "__main__":
    main()
