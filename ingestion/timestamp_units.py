"""What the numbers of a timestamp column mean, told by the whole column.

By size alone Unix seconds, milliseconds, microseconds and nanoseconds of 1973 and later cannot be
confused. Numbers all of which are dates when read as `YYYYMMDD`, with or without `HH`, `HHMM` or
`HHMMSS`, are dates. Smaller numbers are seconds of the years 1970 to 1973, or any running number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingestion.config import TimestampUnit
from ingestion.errors import BadValue

AUTO: TimestampUnit = "auto"
SECONDS: TimestampUnit = "seconds"
DATE_KEY: TimestampUnit = "date_key"

_Floats = npt.NDArray[np.float64]
_PER_SECOND = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
_LAST_SECOND = 1e11
# Classes by size, and which unit each of them is of. What lies between is of none.
_EDGES = np.array([1e8, 1e11, 1e13, 1e14, 1e16, 1e17, 1e19])
_UNITS: tuple[TimestampUnit | None, ...] = (
    *(SECONDS, SECONDS, "milliseconds", None, "microseconds", None, "nanoseconds", None),
)
_KEY_DIGITS = (8, 10, 12, 14)
_SHORT_KEY_DIGITS = (4, 6)
# 1970-01-01 and 2100-01-01, in days since 1899-12-30.
_EXCEL_1970, _EXCEL_2100 = 25_569, 73_051
_DAY = 86_400
_CHUNK = 50_000
_KEPT_EXAMPLES = 5


class Clock(NamedTuple):
    """How the numbers of each file are read.

    Attributes:
        units: Index of a file -> its unit; of a file that is not named, seconds.
        strict: Whether the units were told by the numbers' sizes, which numbers of another size
            contradict; otherwise a unit that was named is taken for what it is.
    """

    units: Mapping[int, TimestampUnit]
    strict: bool

    @classmethod
    def of(cls, units: Mapping[int, TimestampUnit], configured: TimestampUnit) -> Clock:
        """Makes the clock of files with these units under `data.timestamp_unit`."""
        return cls(units, configured == AUTO)

    def seconds(self, numbers: _Floats, files: npt.NDArray[np.int32]) -> _Floats:
        """Returns Unix seconds; NaN where a number is not of its file's unit."""
        seconds = np.full(len(numbers), np.nan)
        for file in np.unique(files):
            of_file = files == file
            unit = self.units.get(int(file), SECONDS)
            seconds[of_file] = to_seconds(numbers[of_file], unit, self.strict)
        return seconds


def to_seconds(numbers: _Floats, unit: TimestampUnit, strict: bool) -> _Floats:
    """Returns numbers as Unix seconds.

    Args:
        numbers: float64[n], not negative.
        unit: What they are.
        strict: Whether numbers of another unit's size are left out.

    Returns:
        float64[n]; NaN where a number is not of the unit.
    """
    if unit == DATE_KEY:
        return _key_seconds(numbers, _KEY_DIGITS if strict else (*_SHORT_KEY_DIGITS, *_KEY_DIGITS))
    if unit == "excel_days":
        # To the millisecond: a serial day of 15 digits is not exact.
        seconds = np.round((numbers - _EXCEL_1970) * _DAY, 3)
        return np.where((numbers >= _EXCEL_1970) & (numbers < _EXCEL_2100), seconds, np.nan)
    seconds = numbers / _PER_SECOND[unit]
    valid = seconds < _LAST_SECOND
    if strict:
        valid &= np.array([each == unit for each in _UNITS])[np.digitize(numbers, _EDGES)]
    return np.where(valid, seconds, np.nan)


class TimestampColumn:
    """Collects the numbers of a file's timestamp column, in bounded memory, and judges them.

    Args:
        unit: A unit, or `AUTO`: the one that most numbers are of.
    """

    def __init__(self, unit: TimestampUnit):
        self._unit = unit
        self._single: list[tuple[float, int]] = []
        self._several: list[tuple[_Floats, npt.NDArray[np.int64]]] = []
        self._waiting = 0
        # Class by size, twice, plus one if the number is a date key -> count, examples, extremes.
        self._counts: Counter[int] = Counter()
        self._examples: dict[int, list[tuple[float, int]]] = {}
        self._extremes: dict[int, tuple[float, float]] = {}
        self._shapes: Counter[str] = Counter()

    def add(self, number: float, line: int) -> None:
        """Adds a number that is not negative."""
        self._single.append((number, line))
        self._count(1)

    def add_several(self, numbers: _Floats, lines: npt.NDArray[np.int64]) -> None:
        """Adds numbers that are not negative: float64[n], and int64[n], their lines."""
        self._several.append((numbers, lines))
        self._count(len(numbers))

    def merge(self, other: TimestampColumn) -> None:
        """Adds the numbers of another part of the file."""
        self._judge()
        other._judge()
        self._counts.update(other._counts)
        self._shapes.update(other._shapes)
        for code, examples in other._examples.items():
            self._keep(code, examples)
        for code, (low, high) in other._extremes.items():
            self._widen(code, low, high)

    def unit(self) -> TimestampUnit:
        """Returns what the numbers are."""
        self._judge()
        if self._unit != AUTO:
            return self._unit
        counts: Counter[TimestampUnit] = Counter()
        # First: of as many dates as seconds all are dates.
        counts[DATE_KEY] = sum(count for code, count in self._counts.items() if code % 2)
        for code, count in sorted(self._counts.items()):
            if unit := _UNITS[code // 2]:
                counts[unit] += count
        best = max(counts, key=lambda unit: counts[unit])
        return best if counts[best] else SECONDS

    def bad(self) -> list[tuple[int, list[tuple[int, BadValue]]]]:
        """Returns the numbers that are not of the unit: how many, and examples with their lines."""
        unit, found = self.unit(), []
        for code, count in sorted(self._counts.items()):
            if self._is_of(code, unit):
                continue
            named = "a date" if code % 2 else _UNITS[code // 2] or "no point in time"
            examples = [
                (line, BadValue("timestamp_of_another_unit", detail=_contrast(number, named, unit)))
                for number, line in self._examples[code]
            ]
            found.append((count, examples))
        return found

    def span(self) -> tuple[float, float] | None:
        """Returns the first and the last moment, in Unix seconds; None if there is none."""
        unit = self.unit()
        ends = [
            end
            for code, extremes in self._extremes.items()
            if self._is_of(code, unit)
            for end in to_seconds(np.array(extremes), unit, self._unit == AUTO)
        ]
        return (min(ends), max(ends)) if ends else None

    def shapes(self) -> Counter[str]:
        """Returns how many small numbers there are, and how many could be something else.

        Returns:
            `numbers`, `years`, `months` and `excel_days`; empty if the unit was named or the
            numbers are of a size that leaves no doubt.
        """
        if self._unit != AUTO or self.unit() != SECONDS:
            return Counter()
        return Counter({"numbers": sum(self._counts.values()), **self._shapes})

    def _is_of(self, code: int, unit: TimestampUnit) -> bool:
        if self._unit != AUTO:
            number, _ = self._examples[code][0]
            return not np.isnan(to_seconds(np.array([number]), unit, False)[0])
        return bool(code % 2) if unit == DATE_KEY else _UNITS[code // 2] == unit

    def _count(self, more: int) -> None:
        self._waiting += more
        if self._waiting >= _CHUNK:
            self._judge()

    def _judge(self) -> None:
        if not self._waiting:
            return
        single = zip(*self._single, strict=True) if self._single else ([], [])
        numbers, lines = (
            np.concatenate([np.array(one, kind), *several])
            for one, kind, several in zip(
                single,
                (np.float64, np.int64),
                zip(*self._several, strict=True) if self._several else ((), ()),
                strict=True,
            )
        )
        self._single, self._several, self._waiting = [], [], 0
        if self._unit == AUTO:
            codes = 2 * np.digitize(numbers, _EDGES) + ~np.isnan(_key_seconds(numbers, _KEY_DIGITS))
            small = numbers[numbers < _EDGES[0]]
            if len(small):
                short = ~np.isnan(_key_seconds(small, _SHORT_KEY_DIGITS))
                self._shapes["years"] += int(np.sum(short & (small < 10_000)))
                self._shapes["months"] += int(np.sum(short & (small > 10_000)))
                self._shapes["excel_days"] += int(
                    np.sum((small >= _EXCEL_1970) & (small < _EXCEL_2100))
                )
        else:
            # Classes are those of the named unit and those of none, by size.
            of_unit = ~np.isnan(to_seconds(numbers, self._unit, False))
            codes = np.where(of_unit, 0, 2 * (len(_UNITS) - 1))
        for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
            code = int(code)
            self._counts[code] += int(count)
            places = np.flatnonzero(codes == code)
            firsts = places[np.argsort(lines[places], kind="stable")[:_KEPT_EXAMPLES]]
            self._keep(code, zip(numbers[firsts].tolist(), lines[firsts].tolist(), strict=True))
            found = numbers[places]
            self._widen(code, float(found.min()), float(found.max()))

    def _keep(self, code: int, examples: Iterable[tuple[float, int]]) -> None:
        kept = sorted([*self._examples.get(code, []), *examples], key=lambda each: each[1])
        self._examples[code] = kept[:_KEPT_EXAMPLES]

    def _widen(self, code: int, low: float, high: float) -> None:
        lowest, highest = self._extremes.get(code, (low, high))
        self._extremes[code] = (min(lowest, low), max(highest, high))


def _contrast(number: float, named: str, unit: TimestampUnit) -> str:
    others = "dates" if unit == DATE_KEY else unit
    return f"{number:.15g} looks like {named}, not like {others} as the column"


def _key_seconds(numbers: _Floats, digits: tuple[int, ...]) -> _Floats:
    """Returns the Unix seconds of numbers that read as dates of so many digits, else NaN."""
    seconds = np.full(len(numbers), np.nan)
    for count in digits:
        scale = 10.0 ** (count - 4)
        places = np.flatnonzero(
            (numbers >= 1970 * scale) & (numbers < 2101 * scale) & (numbers == np.floor(numbers))
        )
        if not len(places):
            continue
        whole = numbers[places].astype(np.int64) * 10 ** (14 - count)
        # A year, and a month, begin with their first month and day.
        whole += {4: 101_000_000, 6: 1_000_000}.get(count, 0)
        year, month, day, hour, minute, second = (
            whole // 10**10,
            whole // 10**8 % 100,
            whole // 10**6 % 100,
            whole // 10**4 % 100,
            whole // 100 % 100,
            whole % 100,
        )
        months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
        date = months.astype("datetime64[D]") + (day - 1)
        valid = (month >= 1) & (month <= 12) & (day >= 1) & (date.astype("datetime64[M]") == months)
        valid &= (hour < 24) & (minute < 60) & (second < 60)
        moments = date.astype(np.int64) * _DAY + hour * 3600 + minute * 60 + second
        seconds[places] = np.where(valid, moments, seconds[places])
    return seconds
