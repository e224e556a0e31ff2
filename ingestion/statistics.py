"""What was counted while logs became examples. Counts of parts of the data can be merged."""

import bisect
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pydantic

from ingestion.config import TimestampUnit
from ingestion.errors import BadValue, describe

_KEPT_BAD_RECORDS = 5
_T = TypeVar("_T", float, str, tuple[str, str])


class BadRecord(pydantic.BaseModel, frozen=True):
    """A line that was left out."""

    file: str
    line: int
    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {describe(self.reason, self.detail)}"


class SourceStatistics(pydantic.BaseModel):
    """Counts of the lines of one kind of file: read, of them bad, and the first bad ones."""

    records: int = 0
    bad: Counter[str] = Counter()
    first_bad: list[BadRecord] = []

    def add_bad(self, file: str, line: int, bad: BadValue) -> None:
        """Counts a bad record; it has been counted as read."""
        self.bad[bad.reason] += 1
        self._keep([BadRecord(file=file, line=line, reason=bad.reason, detail=bad.detail)])

    def add_several_bad(
        self, file: str, count: int, examples: Iterable[tuple[int, BadValue]]
    ) -> None:
        """Counts bad records of one reason, of which only the first ones are at hand.

        Args:
            file: Where they are.
            count: How many there are.
            examples: Some of them, with their lines; at least one.
        """
        given = list(examples)
        for line, bad in given:
            self.add_bad(file, line, bad)
        self.bad[given[0][1].reason] += count - len(given)

    def merge(self, other: "SourceStatistics") -> None:
        """Adds the counts of another part of the data."""
        self.records += other.records
        self.bad.update(other.bad)
        self._keep(other.first_bad)

    @property
    def bad_records(self) -> int:
        """Number of bad records, whatever the reason."""
        return sum(self.bad.values())

    def _keep(self, bad: Iterable[BadRecord]) -> None:
        first = sorted([*self.first_bad, *bad], key=lambda record: (record.file, record.line))
        self.first_bad = first[:_KEPT_BAD_RECORDS]


class FileStatistics(pydantic.BaseModel, frozen=True):
    """A file that was read.

    Args:
        kind: `events` or `labels`.
        path: Where it is.
        size: Bytes, as stored.
        records: Lines or rows, bad ones too.
        content: Hash of its bytes, the same for copies; empty for a file without a record.
    """

    kind: str
    path: str
    size: int
    records: int
    content: str


class Shard(pydantic.BaseModel, frozen=True):
    """A finished TFRecord file of one bucket and split that is not yet in its place."""

    split: str
    bucket: int
    path: str


class Statistics(pydantic.BaseModel):
    """Counts of a run, or of a part of it.

    Args:
        events: Lines of the event files.
        labels: Lines of the label files.
        failures: What makes the run fail, whatever the counts: messages.
        files: All files that were read, by path.
        timestamp_units: Index of a file -> the unit of its timestamps, where they are numbers
            and no seconds.
        small_numbers: Timestamps too small for Unix seconds of 1973 and later: `numbers`, and how
            many of them could be `years`, `months` or `excel_days`.
        known: Events that say something to a channel with a column of its own, by its name.
        earliest: Unix seconds of the first event.
        latest: Unix seconds of the last event.
        users: Users with events.
        truncated_users: Users with more behaviours in a window than are kept.
        skipped_users: Users with events without an example, by reason.
        labelled_users: Users with a label row.
        labels_without_events: Users with a label row but no event.
        duplicate_events: Events that repeat user, timestamp and text of another.
        similar_ids: Users among `labels_without_events` of whose id the events know a similar one.
        similar_pair: Such ids, (in the events, in the labels), the first.
        labels_outside_window: Users with a label row and events, none in the inference window.
        sample_user: A user with events, the first by id.
        sample_labelled_user: A user with a label row, the first by id.
        activity_boundaries: At which the activity groups of labelled users begin.
        examples: Examples by split.
        classes: Examples by task, split and class.
        shards: Where the examples are.
    """

    events: SourceStatistics = SourceStatistics()
    labels: SourceStatistics = SourceStatistics()
    failures: list[str] = []
    files: list[FileStatistics] = []
    timestamp_units: dict[int, TimestampUnit] = {}
    small_numbers: Counter[str] = Counter()
    known: Counter[str] = Counter()
    earliest: float | None = None
    latest: float | None = None
    users: int = 0
    truncated_users: int = 0
    skipped_users: Counter[str] = Counter()
    labelled_users: int = 0
    labels_without_events: int = 0
    duplicate_events: int = 0
    similar_ids: int = 0
    similar_pair: tuple[str, str] | None = None
    labels_outside_window: int = 0
    sample_user: str | None = None
    sample_labelled_user: str | None = None
    activity_boundaries: tuple[int, ...] | None = None
    examples: Counter[str] = Counter()
    classes: dict[str, dict[str, Counter[str]]] = {}
    shards: list[Shard] = []

    def count_class(self, task: str, split: str, name: str, number: int = 1) -> None:
        """Counts examples of one class."""
        self.classes.setdefault(task, {}).setdefault(split, Counter())[name] += number

    def span(self, earliest: float, latest: float) -> None:
        """Counts events between two moments, in Unix seconds."""
        self.earliest = _extreme(min, self.earliest, earliest)
        self.latest = _extreme(max, self.latest, latest)

    def merge(self, other: "Statistics") -> None:
        """Adds the counts of another part of the data."""
        self.events.merge(other.events)
        self.labels.merge(other.labels)
        self.failures = sorted([*self.failures, *other.failures])
        for file in other.files:
            bisect.insort(self.files, file, key=lambda each: (each.kind, each.path))
        self.timestamp_units.update(other.timestamp_units)
        self.small_numbers.update(other.small_numbers)
        self.known.update(other.known)
        self.earliest = _extreme(min, self.earliest, other.earliest)
        self.latest = _extreme(max, self.latest, other.latest)
        self.users += other.users
        self.truncated_users += other.truncated_users
        self.skipped_users.update(other.skipped_users)
        self.labelled_users += other.labelled_users
        self.labels_without_events += other.labels_without_events
        self.duplicate_events += other.duplicate_events
        self.similar_ids += other.similar_ids
        self.similar_pair = _extreme(min, self.similar_pair, other.similar_pair)
        self.labels_outside_window += other.labels_outside_window
        self.sample_user = _extreme(min, self.sample_user, other.sample_user)
        self.sample_labelled_user = _extreme(
            min, self.sample_labelled_user, other.sample_labelled_user
        )
        # All parts of a run have the same.
        self.activity_boundaries = self.activity_boundaries or other.activity_boundaries
        self.examples.update(other.examples)
        for task, splits in other.classes.items():
            for split, names in splits.items():
                for name, number in names.items():
                    self.count_class(task, split, name, number)
        self.shards = sorted([*self.shards, *other.shards], key=lambda s: (s.split, s.bucket))


def _extreme(choose: Callable[..., Any], *values: _T | None) -> _T | None:
    extreme: _T | None = choose((each for each in values if each is not None), default=None)
    return extreme
