"""What every adapter writes: events, labels, a configuration, and what was dropped and why."""

from __future__ import annotations

import csv
import gzip
import json
import os
import pathlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

import yaml

from contract.errors import UsageError
from contract.features import USER_ID
from contract.splits import EVAL, TRAIN, VALIDATION

EVENTS = "events.jsonl.gz"
LABELS = "labels.csv"
CONFIG = "config.yaml"
REPORT = "dataset.json"
"""Written last: a folder that has it is whole."""

_COMPRESSION = 3  # Of gzip: a third of the time of the default, a tenth more bytes.
_SHOWN = 5
_PROGRESS_SECONDS = 1.0
_RECORDS_PER_CLOCK_READING = 1000

_encode = json.JSONEncoder(ensure_ascii=False).encode


class DataSetError(UsageError):
    """The raw data set is not there, or not what it is taken for."""


class DataSetWriter:
    """Writes a data set, a record at a time.

    Example:
        >>> with DataSetWriter(folder, progress=print) as writer:  # doctest: +SKIP
        ...     writer.event("u1", 1404172800, "Dune")
        ...     writer.label("u1", {"books": 1})
        ...     writer.configuration("shop", tasks={"books": ["0", "1"]})

    Args:
        folder: Where the files go; made if it is not there.
        progress: Is told, once a second, how far it is.
    """

    def __init__(self, folder: str | os.PathLike[str], progress: Callable[[str], None]):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.dropped: Counter[str] = Counter()
        """Records that were left out, by reason."""
        self.facts: dict[str, Any] = {}
        """What else the report says."""
        self._examples: dict[str, list[str]] = {}
        self._progress = progress
        self._started = self._shown = time.monotonic()
        self._cpu_started = time.process_time()
        self._records = self._events = 0
        self._labels: Counter[str] = Counter()
        # A folder without the report is not whole, whatever else lies in it.
        (self.folder / REPORT).unlink(missing_ok=True)
        self._event_file = gzip.open(  # noqa: SIM115
            self.folder / EVENTS, "wt", encoding="utf-8", compresslevel=_COMPRESSION
        )
        self._label_file = open(self.folder / LABELS, "w", encoding="utf-8", newline="")  # noqa: SIM115
        self._label_writer: csv.DictWriter[str] | None = None

    def __enter__(self) -> DataSetWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._event_file.close()
        self._label_file.close()
        if kind is not None:
            return
        if not self._events:
            raise DataSetError(
                f"no event is left of {self._records:,} records. Dropped: {self._reasons()}. "
                "See that --data names the files as they are published."
            )
        if not self._labels:
            raise DataSetError("no user has a label. See that --data names the right files.")
        (self.folder / REPORT).write_text(json.dumps(self.report(), indent=2) + "\n")

    def read(self, count: int = 1) -> None:
        """Counts records that were read, kept or not."""
        self._records += count
        if self._records % _RECORDS_PER_CLOCK_READING:
            return
        now = time.monotonic()
        if now - self._shown >= _PROGRESS_SECONDS:
            self._shown = now
            self._progress(f"{self._records:,} records read, {self._events:,} events")

    def drop(self, reason: str, where: str = "") -> None:
        """Counts a record that is left out; of each reason the first places are kept."""
        self.dropped[reason] += 1
        places = self._examples.setdefault(reason, [])
        if where and len(places) < _SHOWN:
            places.append(where)

    def json_object(self, content: bytes, place: str) -> dict[str, Any] | None:
        """Parses a line; one that is no JSON object is counted as dropped, and None."""
        try:
            record = json.loads(content)
        except ValueError:
            self.drop("lines that are no JSON", place)
            return None
        if not isinstance(record, dict):
            self.drop("lines that are no JSON object", place)
            return None
        return record

    def event(self, user_id: str, timestamp: int, text: str) -> None:
        """Writes a behaviour."""
        record = {USER_ID: user_id, "timestamp": timestamp, "text": text}
        self._event_file.write(_encode(record) + "\n")
        self._events += 1

    def label(self, user_id: str, labels: dict[str, Any]) -> None:
        """Writes the labels of a user; all users have the same columns."""
        if self._label_writer is None:
            self._label_writer = csv.DictWriter(self._label_file, [USER_ID, *labels])
            self._label_writer.writeheader()
        self._label_writer.writerow({USER_ID: user_id, **labels})
        self._labels.update(
            f"{name} {value}" for name, value in labels.items() if value not in (None, "")
        )
        self._labels["users"] += 1

    def configuration(
        self,
        name: str,
        tasks: Mapping[str, Sequence[str]],
        *,
        data: dict[str, Any] | None = None,
        text: dict[str, Any] | None = None,
    ) -> None:
        """Writes the configuration, of preset `paper`.

        Args:
            name: Of the pipeline.
            tasks: Task to its classes.
            data: Keys of `data`, such as the division.
            text: Keys of `text`, such as |V|, |S| and |x|.
        """
        content = {
            "name": name,
            "preset": "paper",
            "data": {"events": EVENTS, "labels": LABELS, **(data or {})},
            "tasks": {task: {"classes": list(classes)} for task, classes in tasks.items()},
            "text": text or {},
        }
        (self.folder / CONFIG).write_text(yaml.safe_dump(content, sort_keys=False))

    def report(self) -> dict[str, Any]:
        """What was read, written and dropped, and how fast."""
        seconds = time.monotonic() - self._started
        cpu_seconds = time.process_time() - self._cpu_started
        return {
            **self.facts,
            "records": self._records,
            "events": self._events,
            "labelled_users": self._labels["users"],
            "labels": {k: n for k, n in sorted(self._labels.items()) if k != "users"},
            "dropped": dict(self.dropped.most_common()),
            "first_dropped": {reason: places for reason, places in self._examples.items()},
            "seconds": round(seconds, 2),
            "cpu_seconds": round(cpu_seconds, 2),
            "records_per_second": round(self._records / max(seconds, 1e-9)),
            "records_per_cpu_second": round(self._records / max(cpu_seconds, 1e-9)),
        }

    def _reasons(self) -> str:
        reasons = (f"{number:,} {reason}" for reason, number in self.dropped.most_common())
        return ", ".join(reasons) or "nothing"


def own_split(number: int, users: int, evaluated: int) -> str:
    """The split of the user who was drawn as this one: eval first, then a tenth of the rest.

    >>> [own_split(number, users=24, evaluated=4) for number in (3, 4, 5, 6)]
    ['eval', 'validation', 'validation', 'train']
    """
    if number < evaluated:
        return EVAL
    return VALIDATION if number - evaluated < (users - evaluated) / 10 else TRAIN
