"""From the values that a log or label file holds to typed ones."""

import datetime
import math
import re

from ingestion.errors import BadValue

# Unix seconds pass 1e11 in the year 5138; Unix milliseconds passed it in 1973.
_FIRST_MILLISECONDS = 1e11
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
# `datetime.fromisoformat` accepts less on Python 3.10 than on 3.11, so the format is spelt out.
_ISO_8601 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    r" ?(?:([Zz])|([+-])(\d\d):?(\d\d)?)?)?"
)
_WHOLE_FLOAT = re.compile(r"(-?\d+)\.0+")
_MISSING_LABELS = frozenset({"", "nan", "null", "none"})
_BOOLEANS = {"true": "1", "false": "0"}


def parse_user_id(value: object) -> str:
    """Returns a user id as a string.

    Args:
        value: A string, UTF-8 bytes or an integer.

    Raises:
        BadValue: It is missing, blank, of another type or not Unicode.
    """
    if isinstance(value, str | bytes):
        text = _unicode(value)
        if not text.strip():
            raise BadValue("missing_user_id")
        return text
    if value is None:
        raise BadValue("missing_user_id")
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadValue("bad_user_id", value)
    return str(value)


def parse_text(value: object) -> str:
    """Returns the text of a behaviour, stripped of white space at both ends.

    Args:
        value: A string or UTF-8 bytes.

    Raises:
        BadValue: It is missing, blank, of another type or not Unicode.
    """
    if value is None:
        raise BadValue("missing_text")
    if not isinstance(value, str | bytes):
        raise BadValue("bad_text", value)
    text = _unicode(value).strip()
    if not text:
        raise BadValue("missing_text")
    return text


def parse_timestamp(value: object) -> float:
    """Returns a point in time as Unix seconds.

    Args:
        value: Unix seconds (a number or a numeric string), ISO 8601, or a `datetime.date` or
            `datetime.datetime`, as YAML makes them. Without a time zone it is UTC.

    Raises:
        BadValue: It is missing, unreadable, negative, or looks like milliseconds.
    """
    if isinstance(value, str | bytes):
        text = _unicode(value).strip()
        if not text:
            raise BadValue("missing_timestamp")
        if not _NUMBER.fullmatch(text):
            return _parse_iso_8601(text)
        seconds = float(text)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        try:
            seconds = float(value)
        except OverflowError as error:
            raise BadValue("bad_timestamp", detail="an integer of many digits") from error
    elif isinstance(value, datetime.date):
        return _unix_seconds(value)
    elif value is None:
        raise BadValue("missing_timestamp")
    else:
        raise BadValue("bad_timestamp", value)
    if not math.isfinite(seconds):
        raise BadValue("bad_timestamp", value)
    if seconds < 0:
        raise BadValue("negative_timestamp", value)
    if seconds > _FIRST_MILLISECONDS:
        raise BadValue("timestamp_in_milliseconds", value)
    return seconds


def normalize_label(value: object) -> str | None:
    """Returns one spelling for a class, however YAML, CSV, JSON or Parquet write it.

    True, "true", 1, 1.0 and "1.0" all become "1"; False and 0 become "0".

    Args:
        value: A string, UTF-8 bytes, number or boolean.

    Returns:
        The class, or None if the label is missing: None, NaN, or a blank, "nan", "null" or "none".
    """
    if value is None:
        return None
    text = (_unicode(value) if isinstance(value, bytes) else str(value)).strip()
    folded = text.casefold()
    if folded in _MISSING_LABELS:
        return None
    whole = _WHOLE_FLOAT.fullmatch(text)
    return whole.group(1) if whole else _BOOLEANS.get(folded, text)


def _unicode(value: str | bytes) -> str:
    """Returns text that can be written as UTF-8: JSON may escape lone surrogates."""
    try:
        if isinstance(value, bytes):
            return value.decode()
        value.encode()
        return value
    except UnicodeError as error:
        raise BadValue("invalid_utf8", value) from error


def _parse_iso_8601(text: str) -> float:
    match = _ISO_8601.fullmatch(text)
    if not match:
        raise BadValue("bad_timestamp", text)
    *clock, fraction, _, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in clock)
    offset = datetime.timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        moment = datetime.datetime(
            year,
            month,
            day,
            hour,
            minute,
            second,
            int((fraction or "0").ljust(6, "0")[:6]),
            datetime.timezone(-offset if sign == "-" else offset),
        )
    except ValueError as error:
        raise BadValue("bad_timestamp", text) from error
    return _unix_seconds(moment)


def _unix_seconds(moment: datetime.date) -> float:
    if not isinstance(moment, datetime.datetime):
        moment = datetime.datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    seconds = moment.timestamp()
    if seconds < 0:
        raise BadValue("negative_timestamp", str(moment))
    return seconds
