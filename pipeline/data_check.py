"""What a run would find wrong with the data, from the first rows of every file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ingestion import values
from ingestion.classes import ClassIndex
from ingestion.config import Columns, Task
from ingestion.errors import BadValue, DataError, describe
from ingestion.files import InputFile
from pipeline.config import DataConfig
from pipeline.data_sample import SAMPLED_ROWS, Counts, count_users, first_rows, local_files
from trainer.encoder.config import EncoderConfig
from trainer.encoder.preset_choice import FEWEST_FOR_THE_LETTER, is_the_letter, preset_for

_MOST_FILES = 100
_MOST_BEHAVIORS = 2_000_000
_EXAMPLES = 3


def data_mistakes(data: DataConfig, tasks: Mapping[str, Task]) -> list[str]:
    """Reads the first rows of every local file, of very many files those of the first hundred.

    Args:
        data: The section of the configuration.
        tasks: Name -> task.

    Returns:
        What would stop a run, each with its remedy; empty if nothing is found.
    """
    try:
        files = local_files(data.events, data.labels)
    except DataError as error:
        return [f"data: {error}"]
    mistakes = []
    limit = data.ingestion.max_bad_fraction
    columns = data.ingestion.columns
    for kind in ("events", "labels"):
        of_kind = [file for file in files if file.kind == kind][:_MOST_FILES]
        seen: dict[str, set[int]] = {name: set() for name in tasks}
        rows, bad = 0, Counter[str]()
        has_words = False
        first: dict[str, list[str]] = {}
        is_whole = bool(of_kind)
        for file in of_kind:
            lines = 0
            try:
                for line, problem, has_word in _problems(file, columns, tasks, seen):
                    lines += 1
                    has_words = has_words or has_word
                    if problem is not None:
                        bad[problem.reason] += 1
                        first.setdefault(problem.reason, []).append(
                            f"{file.path}:{line}: {describe(problem.reason, problem.detail)}"
                        )
            except DataError as error:
                mistakes.append(f"data.{kind}: {error}")
                is_whole = False
            rows += lines
            is_whole = is_whole and lines < SAMPLED_ROWS
        if bad.total() > limit * rows:
            for reason, count in sorted(bad.items()):
                mistakes.append(
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
    return mistakes


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


def _problems(
    file: InputFile, columns: Columns, tasks: Mapping[str, Task], seen: dict[str, set[int]]
) -> Iterator[tuple[int, BadValue | None, bool]]:
    """Yields what is wrong with each row, None where nothing is, and whether it has a word.

    The classes of labels are noted in `seen`.
    """
    if file.kind == "labels":
        names = (columns.label_user_id, *(task.column_of(name) for name, task in tasks.items()))
        remedy = (
            "Name the user's column in `data.columns.label_user_id`, and a task's, where it is "
            "not the task's name, in `tasks.TASK.column`."
        )
        check: Callable[[tuple[Any, ...]], bool] = _LabelRow(tasks, seen)
    else:
        names = (columns.user_id, columns.timestamp, columns.text)
        remedy = "Map the names in `data.columns`."
        check = _event_row
    for line, row in first_rows(file, names, remedy):
        try:
            if isinstance(row, BadValue):
                raise row
            has_word = check(row)
        except BadValue as bad:
            yield line, bad, False
        else:
            yield line, None, has_word


def _event_row(row: tuple[Any, ...]) -> bool:
    values.parse_user_id(row[0])
    values.parse_timestamp(row[1])
    return any(character.isalnum() for character in values.parse_text(row[2]))


class _LabelRow:
    """Checks rows of labels, and notes the classes."""

    def __init__(self, tasks: Mapping[str, Task], seen: dict[str, set[int]]):
        self._index_of = {name: ClassIndex(task.classes) for name, task in tasks.items()}
        self._seen = seen

    def __call__(self, row: tuple[Any, ...]) -> bool:
        values.parse_user_id(row[0])
        for (name, index_of), value in zip(self._index_of.items(), row[1:], strict=True):
            try:
                index = index_of(value)
            except BadValue as bad:
                raise BadValue(bad.reason, detail=f"{name}={bad.detail}") from bad
            if index is not None:
                self._seen[name].add(index)
        return False


def _absent_classes(tasks: Mapping[str, Task], seen: Mapping[str, set[int]]) -> list[str]:
    return [
        f"tasks.{name}.classes: no row of the labels has class {task.classes[index]!r}. Take it "
        "out, or write it as the labels do."
        for name, task in tasks.items()
        for index in range(len(task.classes))
        if index not in seen[name]
    ]
