"""The `init` command: a first configuration for a user's own data."""

from __future__ import annotations

import os
import re
import tempfile
import unicodedata
from collections.abc import Collection, Iterator

import yaml
from rich.console import Console

from contract.event_channels import TIME, TYPE, VALUE
from contract.tasks import clashing_tasks
from ingestion.config import Columns
from ingestion.errors import BadValue, DataError
from ingestion.files import InputFile
from ingestion.readers import column_names
from ingestion.stores import is_stored
from ingestion.values import normalize_label
from pipeline.column_choice import Names, choose_columns, further_columns
from pipeline.config import ConfigError, load_config
from pipeline.data_check import look_at_data
from pipeline.data_sample import (
    SAMPLED_ROWS,
    Counts,
    count_users,
    files_to_look_at,
    first_rows,
    first_texts,
    has_moments,
)
from trainer.encoder.preset_choice import PRESETS_BY_SIZE, preset_for
from trainer.text.language_choice import language_for

__all__ = ["Names", "init"]

_MAX_CLASSES = 50
_MOST_BEHAVIORS = 50_000_000

_TEMPLATE = """\
# Every key that is left out has a default; `python -m pipeline options` explains them all.
name: {name}

data:
  events: {events}
  labels: {labels}
{columns}{channels}
tasks:
{tasks}
text:
  language: {language}  # {why}; `options` has the others
{words}
encoder:
  # {reason}
  preset: {preset}

evaluation:
  min_auc: 0.6
"""


_TELL = {
    TIME.name: "when a user is active",
    TYPE.name: "of what kind the events are",
    VALUE.name: "how large their values are",
}

_FEWEST_FOR_PHRASES = 1_000
_WORDS = """\
  # For fewer than {fewest:,} users: ngrams 1, punctuation false, stem true.
  ngrams: 2  # phrases of two words
  punctuation: true
  stem: false
"""

_KUBEFLOW = """\

# The claims hold the data and the served models; the paths are those in the containers, where
# /data is {folder}.
kubeflow:
  events: {events}
  labels: {labels}
  volumes:
    - {{claim: behavior-logs, mount_path: /data}}
    - {{claim: served-models, mount_path: /models}}
  serving_dir: /models/{name}
"""


def init(name: str, events: str, labels: str, names: Names, *, kubeflow: bool = False) -> str:
    """Writes a configuration that `check` accepts.

    Args:
        name: Name of the pipeline; what may not be in one becomes `_`.
        events: File, glob or folder of the event logs.
        labels: File, glob or folder of the labels.
        names: Columns that the user named; the others are looked for.
        kubeflow: Whether the section for a cluster is written as well.

    Returns:
        YAML. Columns with one value, or with more than 50, are left out with a comment.

    Raises:
        ConfigError: The files cannot be read or used, no column can be a task, or a column must be
            named; the message says which there are.
    """
    if kubeflow and any(map(is_stored, (events, labels))):
        raise ConfigError(
            "--kubeflow writes volumes for files of this machine. Leave it out for data in S3, and "
            "see docs/kubeflow.md for the section."
        )
    events, labels = (
        path if is_stored(path) else os.path.abspath(path) for path in (events, labels)
    )
    try:
        files = files_to_look_at(events, labels)
        of_kind = {k: [f for f in files if f.kind == k] for k in ("events", "labels")}
        for kind, found in of_kind.items():
            if not found:
                raise ConfigError(f"--{kind}: init looks at files on this machine and in S3 alone.")
        columns = choose_columns(of_kind["events"][0], of_kind["labels"][0], names)
        no_tasks = (columns.label_user_id, columns.split)
        tasks = "".join(f"{line}\n" for line in _tasks(of_kind["labels"], no_tasks))
        counts = _count(of_kind["events"], columns.user_id)
        language = language_for(first_texts(of_kind["events"], columns.text))
    except DataError as error:
        raise ConfigError(str(error)) from error
    preset = preset_for(counts.users, counts.behaviors)
    written = _pipeline_name(name)
    text = _TEMPLATE.format(
        name=written if written == name else f"{written}  # from {_inline(name)}",
        events=_inline(events),
        labels=_inline(labels),
        columns=_columns(columns),
        channels=_channels(of_kind["events"][0], columns, names),
        tasks=tasks,
        language=language.language,
        why=language.reason,
        words=_WORDS.format(fewest=_FEWEST_FOR_PHRASES)
        if counts.users >= _FEWEST_FOR_PHRASES
        else "",
        preset=preset,
        reason=f"For {counts}; `options` says what a preset sets.",
    )
    if kubeflow:
        text += _kubeflow(written, events, labels)
    _check(text)
    return text


def _kubeflow(name: str, events: str, labels: str) -> str:
    folder = os.path.commonpath([os.path.dirname(events), os.path.dirname(labels)])
    return _KUBEFLOW.format(
        name=name,
        folder=_inline(folder),
        events=_inline(os.path.join("/data", os.path.relpath(events, folder))),
        labels=_inline(os.path.join("/data", os.path.relpath(labels, folder))),
    )


def _columns(names: Names) -> str:
    usual = Columns()
    own = {
        key: value
        for key, value in names._asdict().items()
        if value is not None and value != getattr(usual, key)
    }
    return f"  columns: {_inline(own)}\n" if own else ""


def _channels(events: InputFile, columns: Names, given: Names) -> str:
    """The line of the channels, and comments on those for which several columns may be read."""
    found = [channel.name for channel in (TYPE, VALUE) if getattr(columns, channel.column)]
    if has_moments(events, columns.timestamp):
        found.insert(0, TIME.name)
    lines = []
    if found:
        tell = [_TELL[name] for name in found]
        known = " and ".join([", ".join(tell[:-1]), tell[-1]] if tell[1:] else tell)
        verb = "tell" if tell[1:] else "tells"
        lines.append(f"  channels: [{', '.join(found)}]  # {known} {verb} something too\n")
    taken = [columns.user_id, columns.timestamp, columns.text]
    for key, several in further_columns(events, given, taken).items():
        if len(several) > 1:
            lines.append(
                f"  # {_inline(several)} may each be read as the events' {key}: name one in "
                f"`columns.{key}`, and `{key}` in `channels`.\n"
            )
    return "".join(lines)


def _count(files: list[InputFile], user_id: str) -> Counts:
    with Console(stderr=True, highlight=False).status("counting users") as status:
        return count_users(
            files,
            user_id,
            enough_users=PRESETS_BY_SIZE[-1][0],
            most_behaviors=_MOST_BEHAVIORS,
            progress=status.update,
        )


def _tasks(files: list[InputFile], no_tasks: Collection[str | None]) -> Iterator[str]:
    """Yields the lines of the section, a comment for each column that is no task."""
    columns = [each for each in column_names(files[0], SAMPLED_ROWS) if each not in no_tasks]
    classes: dict[str, set[str]] = {column: set() for column in columns}
    missing: dict[str, set[str]] = {column: set() for column in columns}
    for file in files:
        for _, row in first_rows(file, tuple(columns), "Label files need the same columns.", None):
            if isinstance(row, BadValue):
                continue
            for column, value in zip(columns, row, strict=True):
                # More are counted no further, so that ids and texts do not fill the memory.
                if len(classes[column]) <= _MAX_CLASSES:
                    label = normalize_label(value)
                    if label is not None:
                        classes[column].add(label)
                    elif isinstance(value, str) and value.strip():
                        missing[column].add(value.strip())
    names: list[str] = []
    for column, found in classes.items():
        if not 2 <= len(found) <= _MAX_CLASSES:
            many = f"more than {_MAX_CLASSES}" if len(found) > _MAX_CLASSES else str(len(found))
            yield f"  # {_inline(column)}: {many} different values, not a class"
            continue
        name = _task_name(column, names)
        names.append(name)
        keys: dict[str, object] = {} if name == column else {"column": column}
        if found != {"0", "1"}:
            keys["classes"] = sorted(found)
        yield f"  {name}: {_inline(keys)}" if keys else f"  {name}:  # binary, 0 and 1"
        if missing[column]:
            yield (
                f"  # In {_inline(column)}, {_inline(sorted(missing[column]))} count as no label; "
                "if they are a class, add it."
            )
    if not names:
        raise ConfigError(
            f"--labels: no column of {', '.join(columns) or 'none'} has between 2 and "
            f"{_MAX_CLASSES} different values, which would be the classes of a task."
        )


def _task_name(column: str, others: Collection[str]) -> str:
    """A name for the task of a column: letters, digits and `_`, that nothing else has."""
    base = re.sub(r"[^A-Za-z0-9]+", "_", _ascii(column)).strip("_")[:50]
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", column):
        base = column
    if not base or not base[0].isalpha():
        base = f"task_{base}".rstrip("_")
    name, number = base, 2
    while name in others or clashing_tasks([*others, name]):
        name, number = f"{base}_{number}", number + 1
    return name


def _pipeline_name(name: str) -> str:
    if re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", name):
        return name
    base = re.sub(r"[^a-z0-9_-]+", "_", _ascii(name).lower()).strip("_-")
    return (base if base[:1].isalpha() else f"users_{base}".rstrip("_"))[:63]


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _check(text: str) -> None:
    """Sees that `check` would accept it, the data included."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "config.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        config = load_config(path)
    if mistakes := look_at_data(config.data, config.tasks).mistakes:
        raise ConfigError("the data cannot be used yet:\n  " + "\n  ".join(mistakes))


def _inline(value: object) -> str:
    """A value as YAML on one line."""
    return (
        yaml.safe_dump(
            value, default_flow_style=True, allow_unicode=True, width=10**9, sort_keys=False
        )
        .removesuffix("\n")
        .removesuffix("\n...")
    )
