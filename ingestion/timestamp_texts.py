"""Points in time that stand in a column as text, many at once.

Only the usual spellings are read here: whole numbers, decimals, and ISO 8601 with a day alone or
with seconds, fractions of them, `Z` or an offset. Of the others `parse_timestamp` takes care.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.string_columns import bytes_of, valid

_Digits = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]
# An integer of so many digits is exact as a float.
_EXACT_DIGITS = 15
_DECIMAL = r"^[0-9]{1,15}\.[0-9]{1,15}$"
_ZERO = ord("0")
_DATE, _SECOND = len("2024-01-31"), len("2024-01-31T12:00:00")
_LONGEST = _SECOND + len(".123456789+00:00")
_OFFSET = len("+00:00")
_DAY = 86_400
# Within which microseconds since 1970 are exact as floats.
_YEARS = (1970, 2200)


class Times(NamedTuple):
    """What a column of text says.

    Attributes:
        values: float64[n], Unix seconds, or numbers as they stand; not negative.
        numbers: bool[n], which of them are numbers.
        read: bool[n], which texts were read here.
    """

    values: npt.NDArray[np.float64]
    numbers: _Flags
    read: _Flags


def read_times(column: pa.Array) -> Times:
    """Reads a column of text.

    Args:
        column: string[n] or large_string[n].
    """
    count = len(column)
    times = Times(np.zeros(count), np.zeros(count, bool), np.zeros(count, bool))
    content, starts, stops = bytes_of(column)
    lengths = np.where(valid(column), stops - starts, 0)
    for length in np.flatnonzero(np.bincount(np.minimum(lengths, _LONGEST + 1))):
        if 0 < length <= _LONGEST:
            rows = np.flatnonzero(lengths == length)
            letters = content[starts[rows][:, None] + np.arange(length)]
            _read_alike(times, rows, letters)
    left = np.flatnonzero(~times.read & (lengths > 0))
    if len(left):
        _read_decimals(times, left, column.take(pa.array(left)))
    return times


def _read_alike(times: Times, rows: _Digits, letters: npt.NDArray[np.uint8]) -> None:
    """Reads texts of one length, uint8[n, length]."""
    # Below zero it goes round, so that only digits are below ten.
    digits = letters - np.uint8(_ZERO)
    length = letters.shape[1]
    if length <= _EXACT_DIGITS:
        whole = (digits < 10).all(axis=1)
        times.values[rows[whole]] = _number(digits[whole])
        times.numbers[rows[whole]] = times.read[rows[whole]] = True
    if length == _DATE:
        seconds, good = _days(letters, digits)
        times.values[rows[good]] = seconds[good] * _DAY
        times.read[rows[good]] = True
    if length >= _SECOND:
        _read_seconds(times, rows, letters, digits)


def _read_seconds(
    times: Times, rows: _Digits, letters: npt.NDArray[np.uint8], digits: npt.NDArray[np.uint8]
) -> None:
    days, good = _days(letters, digits)
    good &= np.isin(letters[:, 10], np.frombuffer(b"Tt ", np.uint8))
    good &= (letters[:, 13] == ord(":")) & (letters[:, 16] == ord(":"))
    good &= (digits[:, [11, 12, 14, 15, 17, 18]] < 10).all(axis=1)
    hour, minute, second = (_number(digits[:, at : at + 2]) for at in (11, 14, 17))
    # A leap second is left to others.
    good &= (hour < 24) & (minute < 60) & (second < 60)
    seconds = days * _DAY + hour * 3600 + minute * 60 + second
    length = letters.shape[1]
    utc = letters[:, -1] == ord("Z")
    signs = letters[:, -_OFFSET] if length >= _SECOND + _OFFSET else np.zeros(len(rows), np.uint8)
    shifted = (signs == ord("+")) | (signs == ord("-"))
    for chosen, tail in ((utc, 1), (shifted, _OFFSET), (~utc & ~shifted, 0)):
        found = np.flatnonzero(good & chosen)
        fraction = length - _SECOND - tail
        if not len(found) or fraction < 0 or fraction == 1:
            continue
        fine = np.ones(len(found), bool)
        microseconds = np.zeros(len(found), np.int64)
        if fraction:
            fine &= (letters[found, _SECOND] == ord(".")) | (letters[found, _SECOND] == ord(","))
            part = digits[found, _SECOND + 1 : length - tail]
            fine &= (part < 10).all(axis=1)
            part = part[:, :6]
            microseconds = _number(part) * 10 ** (6 - part.shape[1])
        moments = seconds[found]
        if tail == _OFFSET:
            ends, numbers = letters[found, -_OFFSET:], digits[found, -_OFFSET:]
            fine &= (ends[:, 3] == ord(":")) & (numbers[:, [1, 2, 4, 5]] < 10).all(axis=1)
            hours, minutes = _number(numbers[:, 1:3]), _number(numbers[:, 4:6])
            fine &= (hours < 24) & (minutes < 60)
            ahead = np.where(ends[:, 0] == ord("+"), 1, -1)
            moments = moments - ahead * (hours * 3600 + minutes * 60)
        fine &= moments >= 0
        chosen_rows = rows[found[fine]]
        times.values[chosen_rows] = (moments * 10**6 + microseconds)[fine] / 1e6
        times.read[chosen_rows] = True


def _days(letters: npt.NDArray[np.uint8], digits: npt.NDArray[np.uint8]) -> tuple[_Digits, _Flags]:
    """Returns days since 1970 of texts that begin with a date, and which of them do."""
    good = (letters[:, 4] == letters[:, 7]) & (
        (letters[:, 4] == ord("-")) | (letters[:, 4] == ord("/"))
    )
    good &= (digits[:, [0, 1, 2, 3, 5, 6, 8, 9]] < 10).all(axis=1)
    year, month, day = (_number(digits[:, start:stop]) for start, stop in ((0, 4), (5, 7), (8, 10)))
    good &= (year >= _YEARS[0]) & (year < _YEARS[1]) & (month >= 1) & (month <= 12) & (day >= 1)
    months = np.where(good, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    dates = months.astype("datetime64[D]") + (np.where(good, day, 1) - 1)
    good &= dates.astype("datetime64[M]") == months
    return dates.astype(np.int64), good


def _number(digits: npt.NDArray[np.uint8]) -> _Digits:
    """Returns the numbers that rows of digits are."""
    powers = 10 ** np.arange(digits.shape[1] - 1, -1, -1, dtype=np.int64)
    return digits.astype(np.int64) @ powers


def _read_decimals(times: Times, rows: _Digits, texts: pa.Array) -> None:
    found = pc.match_substring_regex(texts, _DECIMAL).to_numpy(zero_copy_only=False)
    found = found.astype(bool)
    if found.any():
        decimals = texts.filter(pa.array(found)).cast(pa.float64())
        times.values[rows[found]] = decimals.to_numpy()
        times.numbers[rows[found]] = times.read[rows[found]] = True
