"""What a run would find wrong with the data, from the first rows of every file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ingestion.config import IngestionConfig, Task
from ingestion.errors import BadValue, DataError, describe
from ingestion.files import InputFile
from ingestion.report import check_small_numbers
from ingestion.rows import EventRows, LabelRows
from ingestion.stores import is_stored
from ingestion.timestamp_units import TimestampColumn
from ingestion.timestamps import UnixSeconds
from pipeline.config import DataConfig
from pipeline.data_sample import SAMPLED_ROWS, Counts, count_users, files_to_look_at, first_rows
from trainer.encoder.config import EncoderConfig
from trainer.encoder.preset_choice import FEWEST_FOR_THE_LETTER, is_the_letter, preset_for

_MOST_FILES = 100
_MOST_STORED_FILES = 5
_MOST_BEHAVIORS = 2_000_000
_EXAMPLES = 3
_SURELY_BAD = 0.1
"""Share of bad rows among those looked at above which the rest need not be read."""


class Findings(NamedTuple):
    """What a look at the data found.

    Attributes:
        mistakes: What would stop a run, each with its remedy.
        warnings: What might, for all that was not looked at.
    """

    mistakes: list[str]
    warnings: list[str]


def look_at_data(data: DataConfig, tasks: Mapping[str, Task]) -> Findings:
    """Reads the first rows of every file, of very many files those of the first hundred.

    Of files in S3 it reads those of the first five.

    Args:
        data: The section of the configuration.
        tasks: Name -> task.

    Returns:
        What is wrong.
    """
    try:
        files = files_to_look_at(data.events, data.labels)
    except DataError as error:
        return Findings([f"data: {error}"], [])
    events, labels = ([file for file in files if file.kind == k] for k in ("events", "labels"))
    found = Findings([], [])
    for of_kind in (
        _look_at_events(events, data.ingestion),
        _look_at_labels(labels, data.ingestion, tasks),
    ):
        found.mistakes.extend(of_kind.mistakes)
        found.warnings.extend(of_kind.warnings)
    return found


def _look_at_events(files: list[InputFile], config: IngestionConfig) -> Findings:
    read = EventRows(config.columns, config.html_entities, config.channels)
    look = _Look("events", files)
    has_words, small_numbers = False, Counter[str]()
    for file in look.files:
        numbers = TimestampColumn(config.timestamp_unit)
        for line, event in look.read(file, read):
            has_words = has_words or any(character.isalnum() for character in event.text)
            if not isinstance(event.timestamp, UnixSeconds):
                numbers.add(event.timestamp, line)
        for count, ((line, of_another_unit), *_) in numbers.bad():
            look.note(file, line, of_another_unit, count)
        small_numbers.update(numbers.shapes())
    found = look.findings(config.max_bad_fraction)
    try:
        check_small_numbers(small_numbers, config.max_bad_fraction)
    except DataError as error:
        found.mistakes.append(f"data.events: {error}")
    if look.rows > look.bad and not has_words:
        found.mistakes.append(
            f"data.events: no text of the {look.rows:,} rows looked at has a letter or digit, and "
            f"so none a word. See that `data.columns.text`, now {config.columns.text}, names the "
            "texts."
        )
    return found


def _look_at_labels(
    files: list[InputFile], config: IngestionConfig, tasks: Mapping[str, Task]
) -> Findings:
    read = LabelRows(config.columns, tasks)
    look = _Look("labels", files)
    seen: dict[str, set[int | None]] = {name: set() for name in tasks}
    for file in look.files:
        for _, label in look.read(file, read):
            for classes, index in zip(seen.values(), label.classes, strict=True):
                classes.add(index)
    found = look.findings(config.max_bad_fraction)
    if look.is_whole and look.rows and not look.bad:
        found.mistakes.extend(
            f"tasks.{name}.classes: no row of the labels has class {each!r}. Take it out, or "
            "write it as the labels do."
            for name, task in tasks.items()
            for index, each in enumerate(task.classes)
            if index not in seen[name]
        )
    return found


class _Look:
    """What is wrong with the first rows of the files of one kind.

    Args:
        kind: `events` or `labels`.
        files: All of the kind.

    Attributes:
        files: Those to look at.
        rows: Rows looked at.
        is_whole: Whether these are all rows that there are.
    """

    def __init__(self, kind: str, files: list[InputFile]):
        self._kind = kind
        most = _MOST_STORED_FILES if any(is_stored(f.path) for f in files) else _MOST_FILES
        self.files = files[:most]
        self.rows = 0
        self.is_whole = len(files) <= most
        self._bad = Counter[str]()
        self._first: dict[str, list[str]] = {}
        self._mistakes: list[str] = []

    @property
    def bad(self) -> int:
        """Rows that cannot be used."""
        return self._bad.total()

    def read(self, file: InputFile, read: Any) -> Iterator[tuple[int, Any]]:
        """Yields line and content of the good ones among a file's first rows; notes the others.

        Args:
            file: What to read.
            read: `EventRows` or `LabelRows`.
        """
        lines = 0
        try:
            for line, row in first_rows(file, read.columns, read.remedy):
                lines += 1
                try:
                    content = read(row)
                except BadValue as bad:
                    self.note(file, line, bad)
                else:
                    yield line, content
        except DataError as error:
            self._mistakes.append(f"data.{self._kind}: {error}")
            self.is_whole = False
        self.rows += lines
        self.is_whole = self.is_whole and lines < SAMPLED_ROWS

    def note(self, file: InputFile, line: int, bad: BadValue, affected: int = 1) -> None:
        """Notes what is wrong with a row, and with others in the same way."""
        self._bad[bad.reason] += affected
        self._first.setdefault(bad.reason, []).append(
            f"{file.path}:{line}: {describe(bad.reason, bad.detail)}"
        )

    def findings(self, max_bad_fraction: float) -> Findings:
        """Returns what is wrong with files and rows."""
        found = Findings(list(self._mistakes), [])
        if self.bad > max_bad_fraction * self.rows:
            # The rest may be so good that a run skips the few bad ones.
            is_sure = self.is_whole or self.bad > max(max_bad_fraction, _SURELY_BAD) * self.rows
            for reason, count in sorted(self._bad.items()):
                (found.mistakes if is_sure else found.warnings).append(
                    f"data.{self._kind}: {reason.replace('_', ' ')} in {count:,} of the "
                    f"{self.rows:,} rows looked at:\n    "
                    + "\n    ".join(self._first[reason][:_EXAMPLES])
                )
        return found


def few_users_warning(
    encoder: EncoderConfig, data: DataConfig, progress: Callable[[str], None]
) -> str | None:
    """Warns of the paper's letter on few users, for which the users of local logs are counted.

    Args:
        encoder: The section of the configuration.
        data: The section of the configuration.
        progress: Is told how far counting is.

    Returns:
        The warning; None if there is no reason, or the logs cannot be read here.
    """
    if not is_the_letter(encoder):
        return None
    counts = _count(data, FEWEST_FOR_THE_LETTER, progress)
    if counts is None or not counts.users or counts.users >= FEWEST_FOR_THE_LETTER:
        return None
    return (
        f"encoder: the paper's settings do not converge on few users, and the events are of "
        f"{counts}. Write `encoder: {{preset: {preset_for(counts.users, counts.behaviors)}}}`; "
        "`python -m pipeline options` says what that sets."
    )


def _count(data: DataConfig, enough_users: int, progress: Callable[[str], None]) -> Counts | None:
    try:
        files = [
            f
            for f in files_to_look_at(data.events, data.labels)
            if f.kind == "events" and not is_stored(f.path)
        ]
        return count_users(
            files,
            data.ingestion.columns.user_id,
            enough_users=enough_users,
            most_behaviors=_MOST_BEHAVIORS,
            progress=progress,
        )
    except DataError:
        return None
