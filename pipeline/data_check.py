"""What a run would find wrong with the data, from the first rows of every file."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ingestion import values
from ingestion.classes import ClassIndex
from ingestion.config import IngestionConfig, Task
from ingestion.errors import BadValue, DataError, describe
from ingestion.files import InputFile
from ingestion.timestamp_units import TimestampColumn
from ingestion.timestamps import UnixSeconds, parse_timestamp
from pipeline.config import DataConfig
from pipeline.data_sample import SAMPLED_ROWS, Counts, count_users, first_rows, local_files
from trainer.encoder.config import EncoderConfig
from trainer.encoder.preset_choice import FEWEST_FOR_THE_LETTER, is_the_letter, preset_for

_MOST_FILES = 100
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
    """Reads the first rows of every local file, of very many files those of the first hundred.

    Args:
        data: The section of the configuration.
        tasks: Name -> task.

    Returns:
        What is wrong.
    """
    try:
        files = local_files(data.events, data.labels)
    except DataError as error:
        return Findings([f"data: {error}"], [])
    mistakes: list[str] = []
    warnings: list[str] = []
    limit = data.ingestion.max_bad_fraction
    columns = data.ingestion.columns
    for kind in ("events", "labels"):
        of_kind = [file for file in files if file.kind == kind]
        seen: dict[str, set[int]] = {name: set() for name in tasks}
        rows, bad = 0, Counter[str]()
        has_words = False
        first: dict[str, list[str]] = {}
        is_whole = len(of_kind) <= _MOST_FILES
        for file in of_kind[:_MOST_FILES]:
            lines = 0
            try:
                for row in _rows(file, data.ingestion, tasks, seen):
                    lines += row.number
                    has_words = has_words or row.has_word
                    if row.problem is not None:
                        reason, detail = row.problem.reason, row.problem.detail
                        bad[reason] += row.affected
                        first.setdefault(reason, []).append(
                            f"{file.path}:{row.line}: {describe(reason, detail)}"
                        )
            except DataError as error:
                mistakes.append(f"data.{kind}: {error}")
                is_whole = False
            rows += lines
            is_whole = is_whole and lines < SAMPLED_ROWS
        if bad.total() > limit * rows:
            # The rest may be so good that a run skips the few bad ones.
            is_sure = is_whole or bad.total() > max(limit, _SURELY_BAD) * rows
            for reason, count in sorted(bad.items()):
                (mistakes if is_sure else warnings).append(
                    f"data.{kind}: {reason.replace('_', ' ')} in {count:,} of the {rows:,} rows "
                    "looked at:\n    " + "\n    ".join(first[reason][:_EXAMPLES])
                )
        if kind == "events" and rows > bad.total() and not has_words:
            mistakes.append(
                f"data.events: no text of the {rows:,} rows looked at has a letter or digit, "
                f"and so none a word. See that `data.columns.text`, now {columns.text}, names the "
                "texts."
            )
        if kind == "labels" and is_whole and rows and not bad.total():
            mistakes += _absent_classes(tasks, seen)
    return Findings(mistakes, warnings)


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
        files = [f for f in local_files(data.events, data.labels) if f.kind == "events"]
        return count_users(
            files,
            data.ingestion.columns.user_id,
            enough_users=enough_users,
            most_behaviors=_MOST_BEHAVIORS,
            progress=progress,
        )
    except DataError:
        return None


class _Row(NamedTuple):
    """What was found in a row, or, with a `number` of 0, about rows that were given before.

    Attributes:
        line: Of the file.
        problem: What is wrong; None if nothing is.
        affected: How many rows have the problem.
        number: How many rows this stands for.
        has_word: Whether its text has a letter or digit.
    """

    line: int
    problem: BadValue | None = None
    affected: int = 1
    number: int = 1
    has_word: bool = False


def _rows(
    file: InputFile,
    config: IngestionConfig,
    tasks: Mapping[str, Task],
    seen: dict[str, set[int]],
) -> Iterator[_Row]:
    """Judges the first rows of a file; the classes of labels are noted in `seen`."""
    columns = config.columns
    numbers = TimestampColumn(config.timestamp_unit)
    if file.kind == "labels":
        names = (columns.label_user_id, *(task.column_of(name) for name, task in tasks.items()))
        remedy = (
            "Name the user's column in `data.columns.label_user_id`, and a task's, where it is "
            "not the task's name, in `tasks.TASK.column`."
        )
        judge: Callable[[int, tuple[Any, ...]], _Row] = _LabelRow(tasks, seen)
    else:
        names = (columns.user_id, columns.timestamp, columns.text)
        remedy = "Map the names in `data.columns`."
        judge = functools.partial(_event_row, numbers, config.html_entities)
    for line, row in first_rows(file, names, remedy):
        try:
            if isinstance(row, BadValue):
                raise row
            judged = judge(line, row)
        except BadValue as bad:
            judged = _Row(line, bad)
        yield judged
    for count, ((line, of_another_unit), *_) in numbers.bad():
        yield _Row(line, of_another_unit, affected=count, number=0)


def _event_row(
    numbers: TimestampColumn, html_entities: bool, line: int, row: tuple[Any, ...]
) -> _Row:
    values.parse_user_id(row[0])
    timestamp = parse_timestamp(row[1])
    text = values.parse_text(row[2], html_entities)
    if not isinstance(timestamp, UnixSeconds):
        numbers.add(timestamp, line)
    return _Row(line, has_word=any(character.isalnum() for character in text))


class _LabelRow:
    """Checks rows of labels, and notes the classes."""

    def __init__(self, tasks: Mapping[str, Task], seen: dict[str, set[int]]):
        self._index_of = {name: ClassIndex(task.classes) for name, task in tasks.items()}
        self._seen = seen

    def __call__(self, line: int, row: tuple[Any, ...]) -> _Row:
        values.parse_user_id(row[0])
        for (name, index_of), value in zip(self._index_of.items(), row[1:], strict=True):
            try:
                index = index_of(value)
            except BadValue as bad:
                raise BadValue(bad.reason, detail=f"{name}={bad.detail}") from bad
            if index is not None:
                self._seen[name].add(index)
        return _Row(line)


def _absent_classes(tasks: Mapping[str, Task], seen: Mapping[str, set[int]]) -> list[str]:
    return [
        f"tasks.{name}.classes: no row of the labels has class {task.classes[index]!r}. Take it "
        "out, or write it as the labels do."
        for name, task in tasks.items()
        for index in range(len(task.classes))
        if index not in seen[name]
    ]
