"""Where the values of the wanted columns are: in the file, in a nested column or in its path."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from typing import Any

_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


def path_columns(path: str) -> dict[str, str | None]:
    """Returns the columns that a Hive layout keeps in the folders' names, as `date=2024-01-31`.

    Example:
        >>> path_columns("/logs/date=2024-01-31/kind=a%20b/part-0.parquet")
        {'date': '2024-01-31', 'kind': 'a b'}
    """
    columns: dict[str, str | None] = {}
    for folder in path.split("/")[:-1]:
        name, equals, value = folder.partition("=")
        if equals and name:
            columns[name] = None if value == _HIVE_NULL else urllib.parse.unquote(value)
    return columns


def has_column(record: Mapping[str, Any], column: str) -> bool:
    """Whether a JSON object has a column: a key, or `user.id` of a nested object."""
    if column in record:
        return True
    first, dot, rest = column.partition(".")
    inner = record.get(first) if dot else None
    return isinstance(inner, Mapping) and has_column(inner, rest)


def value_of(record: Mapping[str, Any], column: str) -> Any:
    """Returns the value of a column in a JSON object; None if it is not there."""
    if column in record or "." not in column:
        return record.get(column)
    first, _, rest = column.partition(".")
    inner = record.get(first)
    return value_of(inner, rest) if isinstance(inner, Mapping) else None
