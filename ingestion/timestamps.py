"""Points in time as files and configurations write them, one value at a time.

What a bare number means is decided by its whole column, in `ingestion.timestamp_units`.
"""

import datetime
import email.utils
import math
import re
import zoneinfo

from ingestion.errors import BadValue
from ingestion.text_values import to_unicode

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
# `datetime.fromisoformat` accepts less on Python 3.10 than on 3.11, so the format is spelt out.
_ISO_8601 = re.compile(
    r"(\d{4})([-/])(\d\d)\2(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    r" ?(?:([Zz]|UTC|GMT)|([+-])(\d\d):?(\d\d)?)?(?: ?\[?([A-Z][A-Za-z_]+/[A-Za-z_/+-]+\d*)\]?)?)?"
)
_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)?(.*)")
# `Tue, 14 Nov 2023 22:13:20 +0000` of e-mails, `Tue Nov 14 22:13:20 2023` of C, and kin.
_RFC_2822 = re.compile(
    r"(?:[A-Za-z]{3,9},? )?(?:\d{1,2}[ -][A-Za-z]{3}[ -]\d{2,4}|[A-Za-z]{3} +\d{1,2})"
    r" \d\d:\d\d(?::\d\d)?(?: (?:GMT|UTC|[+-]\d{4}))?(?: \d{4})?"
)
_APACHE = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})")
_DATE_KEY = re.compile(r"\d{8}|\d{12}|\d{14}")
_YEAR = re.compile(r"(19|20)\d\d")
# Unix seconds pass 1e11 in the year 5138; Unix milliseconds passed it in 1973.
_FIRST_MILLISECONDS = 1e11


class UnixSeconds(float):
    """Seconds since 1970 beyond doubt: read from text, or of a column of points in time."""


def parse_timestamp(value: object) -> float:
    """Returns a point in time.

    Args:
        value: A number or a numeric string, a date with or without a time as text, or a
            `datetime.date` or `datetime.datetime`. Without a time zone it is UTC.

    Returns:
        `UnixSeconds` where the value says so itself, otherwise the number as it stands.

    Raises:
        BadValue: It is missing, unreadable or lies before 1970.
    """
    if isinstance(value, UnixSeconds):
        return _not_negative(value, value)
    if isinstance(value, str | bytes):
        text = to_unicode(value).strip()
        if not text:
            raise BadValue("missing_timestamp")
        if not _NUMBER.fullmatch(text):
            return UnixSeconds(_parse_text(text))
        number = float(text)
    elif isinstance(value, datetime.date):
        return UnixSeconds(_unix_seconds(value))
    elif value is None:
        raise BadValue("missing_timestamp")
    elif isinstance(value, bool) or not hasattr(value, "__float__"):
        raise BadValue("bad_timestamp", value)
    else:
        try:
            number = float(value)
        except ValueError as error:
            raise BadValue("bad_timestamp", value) from error
        except OverflowError as error:
            raise BadValue("bad_timestamp", detail="an integer of many digits") from error
    if math.isnan(number) and not isinstance(value, str | bytes):
        # Of pandas, whose columns of numbers cannot hold None.
        raise BadValue("missing_timestamp")
    if not math.isfinite(number):
        raise BadValue("bad_timestamp", value)
    return _not_negative(number, value)


def parse_moment(value: object) -> float:
    """Returns the Unix seconds of a point in time that stands alone, in a configuration.

    Args:
        value: As `parse_timestamp` takes it; `20240131` and such with a time are dates.

    Raises:
        BadValue: It is unreadable, or is no plausible number of seconds.
    """
    moment = parse_timestamp(value)
    if isinstance(moment, UnixSeconds):
        return float(moment)
    text = str(value).strip()
    if _DATE_KEY.fullmatch(text):
        clock = text[8:].ljust(6, "0")
        try:
            day = datetime.datetime.strptime(text[:8] + clock, "%Y%m%d%H%M%S")
        except ValueError:
            pass
        else:
            return _unix_seconds(day)
    if moment >= _FIRST_MILLISECONDS:
        raise BadValue("bad_moment", detail=f"{value} looks like milliseconds, or finer")
    if _YEAR.fullmatch(text):
        raise BadValue("bad_moment", detail=f"{value} looks like a year")
    return moment


def _not_negative(number: float, value: object) -> float:
    if number < 0:
        raise BadValue("negative_timestamp", value)
    return number


def _parse_text(text: str) -> float:
    match = _ISO_8601.fullmatch(text)
    if match:
        return _parse_iso_8601(text, match)
    if basic := _BASIC.fullmatch(text):
        *parts, zone = basic.groups()
        year, month, day, hour, minute, second = (part or "00" for part in parts)
        return _parse_text(f"{year}-{month}-{day}T{hour}:{minute}:{second}{zone}")
    if apache := _APACHE.fullmatch(text):
        day, month, year, clock, zone = apache.groups()
        text = f"{day} {month} {year} {clock} {zone}"
    if _RFC_2822.fullmatch(text):
        try:
            return _unix_seconds(email.utils.parsedate_to_datetime(text))
        except (ValueError, TypeError) as error:
            raise BadValue("bad_timestamp", text) from error
    raise BadValue("bad_timestamp", text)


def _parse_iso_8601(text: str, match: re.Match[str]) -> float:
    year, _, month, day, hour, minute, second, fraction, _, sign, hours, minutes, zone = (
        match.groups()
    )
    offset = datetime.timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    leap = second == "60"
    try:
        tz: datetime.tzinfo = datetime.timezone(-offset if sign == "-" else offset)
        if zone and not sign and not match[9]:
            tz = zoneinfo.ZoneInfo(zone)
        moment = datetime.datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            59 if leap else int(second or 0),
            int((fraction or "0").ljust(6, "0")[:6]),
            tz,
        )
    except (ValueError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise BadValue("bad_timestamp", text) from error
    return _unix_seconds(moment) + leap


def _unix_seconds(moment: datetime.date) -> float:
    if not isinstance(moment, datetime.datetime):
        moment = datetime.datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    seconds = moment.timestamp()
    if seconds < 0:
        raise BadValue("negative_timestamp", str(moment))
    return seconds
