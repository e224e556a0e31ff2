"""A first configuration for a user's own data, with the tasks that the label file has."""

from __future__ import annotations

import glob
import os

import pandas as pd
import yaml

from contract.features import USER_ID
from contract.tasks import RESERVED_TASKS
from ingestion.values import normalize_label
from pipeline.config import ConfigError

_MAX_CLASSES = 50

_TEMPLATE = """\
# Every key that is left out has a default; `python -m pipeline options` explains them all.
name: {name}

data:
  events: {events}
  labels: {labels}
  # columns: {{user_id: user_id, timestamp: timestamp, text: text}}

tasks:
{tasks}
text:
  language: en  # zh: Chinese, cut by jieba; mixed: both; characters: text without spaces

evaluation:
  min_auc: 0.6
"""


def config_template(name: str, events: str, labels: str) -> str:
    """Writes a configuration in which the classes of every task are read from the labels.

    Args:
        name: Name of the pipeline.
        events: File, glob or folder of the event logs; goes into the configuration as it is.
        labels: File or glob of the labels: CSV, JSONL or Parquet.

    Returns:
        YAML. Columns with one value, or with more than 50, are left out with a comment.

    Raises:
        ConfigError: If the labels cannot be read or have no column that can be a task.
    """
    table = _read_labels(labels)
    lines, count = [], 0
    for column in table.columns:
        if column == USER_ID:
            continue
        classes = sorted({c for c in map(normalize_label, table[column]) if c is not None})
        if not 2 <= len(classes) <= _MAX_CLASSES or column in RESERVED_TASKS:
            lines.append(f"  # {column}: {len(classes)} different values, not a class")
            continue
        count += 1
        if classes == ["0", "1"]:
            lines.append(f"  {_inline(column)}:  # binary, 0 and 1")
        else:
            lines.append(f"  {_inline(column)}: {{classes: {_inline(classes)}}}")
    if not count:
        raise ConfigError(f"{labels}: no column has between 2 and {_MAX_CLASSES} different values.")
    return _TEMPLATE.format(
        name=name,
        events=_inline(os.path.abspath(events)),
        labels=_inline(os.path.abspath(labels)),
        tasks="".join(f"{line}\n" for line in lines),
    )


def _read_labels(pattern: str) -> pd.DataFrame:
    paths = sorted(glob.glob(pattern))
    if not paths:
        raise ConfigError(f"--labels: no file matches {pattern}.")
    try:
        table = pd.concat([_read_table(path) for path in paths])
    except (ValueError, OSError) as error:
        raise ConfigError(f"--labels: {pattern} cannot be read: {error}") from error
    if USER_ID not in table.columns:
        raise ConfigError(
            f"--labels: {pattern} has no column user_id, but {', '.join(table.columns)}."
        )
    return table


def _read_table(path: str) -> pd.DataFrame:
    stem = path.removesuffix(".gz")
    if stem.endswith(".csv"):
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    if stem.endswith((".jsonl", ".json", ".ndjson")):
        return pd.read_json(path, lines=True, dtype=False)
    if stem.endswith(".parquet"):
        return pd.read_parquet(path)
    raise ConfigError(f"--labels: {path} must be CSV, JSONL or Parquet.")


def _inline(value: object) -> str:
    """A value as YAML on one line."""
    return (
        yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9)
        .removesuffix("\n")
        .removesuffix("\n...")
    )
