"""The check that users are not known by what they did after the moment that a label tells of."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from contract.event_channels import TIME
from contract.features import USER_ID
from contract.splits import SPLITS
from ingestion.config import format_moment
from ingestion.errors import BadValue
from ingestion.files import match_files
from ingestion.readers import read_records
from ingestion.timestamps import parse_moment
from ingestion.values import parse_user_id

_NAME = "No behaviour is younger than the label"
_REMEDY = "Name the labels' column of time in `audit.label_time`, or take the key out."
_BATCH = 1024


def read_label_times(labels: str, user_column: str, time_column: str) -> dict[str, float]:
    """Reads the moment that every user's labels tell of.

    Args:
        labels: File, folder or pattern of the labels.
        user_column: Name of the column of the user's id.
        time_column: Name of the column of the moment: ISO 8601 or Unix seconds.

    Returns:
        User -> Unix seconds. Users without one, and bad lines, are left out.

    Raises:
        DataError: A file lacks a column.
    """
    times: dict[str, float] = {}
    for file in match_files({"labels": labels}):
        for _, row in read_records(file, (user_column, time_column), _REMEDY):
            if isinstance(row, BadValue):
                continue
            try:
                times[parse_user_id(row[0])] = parse_moment(row[1])
            except BadValue:
                continue
    return times


def label_times_check(
    examples: str, times: Mapping[str, float] | None, last_behaviour: float | None
) -> dict[str, Any]:
    """Whether the behaviours that users are represented from end before their labels' moment.

    Args:
        examples: Folder of the labelled examples.
        times: As `read_label_times` returns them; None: the configuration names no column.
        last_behaviour: No behaviour is younger than this, Unix seconds; None: not known. It decides
            where the examples have no moments of their own.

    Returns:
        As of `audit.checks.data_checks`.
    """
    if times is None:
        return _check(None, "the configuration names no column with the labels' time (label_time)")
    late = users = timed = of_their_own = 0
    for user, moments in _users(examples):
        moment = times.get(user)
        if moment is None:
            continue
        users += 1
        # 0 is an unknown moment.
        own = float(moments.max(initial=0))
        of_their_own += own > 0
        last = own or last_behaviour
        timed += last is not None
        late += last is not None and last > moment
    of_all = f"{users:,} labelled users have a moment"
    if not timed:
        return _check(None, f"{of_all}; when they did what is not in the examples")
    if not late:
        return _check(True, f"{of_all}, and all behaviours are older")
    if last_behaviour is not None and not of_their_own:
        return _check(
            None,
            f"{of_all}; for {late:,} of them it is before {format_moment(last_behaviour)}, when "
            "the behaviours end. Whether they have such is not in the examples, but with "
            "data.channels: [time]",
        )
    return _check(False, f"{of_all}; {late:,} of them have behaviours that are younger")


def last_moment(configuration: Mapping[str, Any], latest: float | None) -> float | None:
    """The moment that no behaviour which users are represented from is younger than.

    Args:
        configuration: Of the pipeline.
        latest: Of all behaviours that were read, Unix seconds.
    """
    division = configuration.get("data", {}).get("division")
    if isinstance(division, Mapping) and division["method"] == "windows":
        end = float(division["inference"]["end"])
        return end if latest is None else min(end, latest)
    return latest


def _check(holds: bool | None, evidence: str) -> dict[str, Any]:
    return {"name": _NAME, "holds": holds, "evidence": evidence}


def _users(examples: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yields every labelled user, and the moments of the behaviours, int64 [n]."""
    spec = {
        USER_ID: tf.io.FixedLenFeature([], tf.string),
        TIME.feature: tf.io.RaggedFeature(tf.int64),
    }
    for split in SPLITS:
        files = sorted(tf.io.gfile.glob(os.path.join(examples, f"Split-{split}", "*")))
        if not files:
            continue
        records = tf.data.TFRecordDataset(files, "GZIP").batch(_BATCH)
        for features in records.map(lambda batch: tf.io.parse_example(batch, spec)):
            for user, moments in zip(
                features[USER_ID].numpy(), features[TIME.feature].to_list(), strict=True
            ):
                yield user.decode(), np.array(moments, np.int64)
