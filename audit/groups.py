"""Columns of the labels' files by which figures are sliced, beside the activity."""

from __future__ import annotations

from collections.abc import Sequence

from audit.pseudonyms import pseudonym
from ingestion.errors import BadValue
from ingestion.files import match_files
from ingestion.readers import read_records
from ingestion.values import parse_user_id

_REMEDY = "Name columns of the labels' files in `audit.slices`, or take the name out."


def read_groups(
    labels: str, user_column: str, columns: Sequence[str], key: bytes
) -> dict[str, dict[str, str]]:
    """Reads the values of columns for every user.

    Args:
        labels: File, folder or pattern of the labels.
        user_column: Name of the column of the user's id.
        columns: Names of the wanted columns.
        key: Of the users' pseudonyms.

    Returns:
        Column -> pseudonym -> value. Missing values are left out, and bad lines, which the
        ingestion has counted.

    Raises:
        DataError: A file lacks a column.
    """
    groups: dict[str, dict[str, str]] = {column: {} for column in columns}
    if not columns:
        return groups
    for file in match_files({"labels": labels}):
        for _, row in read_records(file, (user_column, *columns), _REMEDY):
            if isinstance(row, BadValue):
                continue
            try:
                user = pseudonym(parse_user_id(row[0]).encode(), key)
            except BadValue:
                continue
            for column, value in zip(columns, row[1:], strict=True):
                if value is not None and str(value).strip():
                    groups[column][user] = str(value).strip()
    return groups
