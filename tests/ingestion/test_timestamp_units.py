"""What the numbers of a whole column mean."""

import numpy as np
import pytest

from ingestion.timestamp_units import Clock, TimestampColumn, to_seconds

NOON = 1706702400.0  # date -u -d 2024-01-31T12:00:00Z +%s
MIDNIGHT = NOON - 12 * 3600


def column(numbers, unit="auto"):
    made = TimestampColumn(unit)
    for line, number in enumerate(numbers, 1):
        made.add(float(number), line)
    return made


@pytest.mark.parametrize(
    ("numbers", "unit", "span"),
    [
        ([1706702400, 1706702400.25], "seconds", (NOON, NOON + 0.25)),
        ([1706702400000, 1706702400500], "milliseconds", (NOON, NOON + 0.5)),
        ([1706702400000000] * 2, "microseconds", (NOON, NOON)),
        ([1706702400000000000] * 2, "nanoseconds", (NOON, NOON)),
        ([20240131, 20240201], "date_key", (MIDNIGHT, MIDNIGHT + 86400)),
        ([2024013112, 2024013113], "date_key", (NOON, NOON + 3600)),
        ([202401311200, 202401311201], "date_key", (NOON, NOON + 60)),
        ([20240131120000, 20240131120001], "date_key", (NOON, NOON + 1)),
        ([20240131, 20240131120000], "date_key", (MIDNIGHT, NOON)),
        # A running number, a few of which are dates.
        (range(20240100, 20240200), "seconds", (20240100, 20240199)),
        (range(400), "seconds", (0, 399)),
    ],
)
def test_units(numbers, unit, span):
    judged = column(numbers)
    assert judged.unit() == unit
    assert judged.span() == span
    assert judged.bad() == []


def test_an_empty_column():
    assert column([]).unit() == "seconds"
    assert column([]).span() is None


@pytest.mark.parametrize(
    ("numbers", "shapes"),
    [
        ([2021, 2023], {"numbers": 2, "years": 2}),
        ([202311, 202312], {"numbers": 2, "months": 2}),
        ([45244, 45244.92], {"numbers": 2, "excel_days": 2}),
        (range(1960, 1980), {"numbers": 20, "years": 10}),
        ([1706702400], {"numbers": 1}),
        ([1706702400000], {}),
    ],
)
def test_what_small_numbers_could_be(numbers, shapes):
    assert {name: count for name, count in column(numbers).shapes().items() if count} == shapes
    assert not column(numbers, "seconds").shapes()


def test_numbers_of_another_unit_are_bad():
    judged = column([1706702400, 1706702400000, 1706702400, 20240131120000, 1706702400000])
    assert judged.unit() == "seconds"
    found = {
        bad.detail: (count, [line for line, _ in examples])
        for count, examples in judged.bad()
        for _, bad in examples[:1]
    }
    assert found == {
        "1706702400000 looks like milliseconds, not like seconds as the column": (2, [2, 5]),
        "20240131120000 looks like a date, not like seconds as the column": (1, [4]),
    }


@pytest.mark.parametrize(
    ("unit", "number", "seconds"),
    [
        ("date_key", 2024, MIDNIGHT - 30 * 86400),
        ("date_key", 202401, MIDNIGHT - 30 * 86400),
        ("excel_days", 45322.5, NOON),  # Excel: 2024-01-31 12:00 as a number
        ("seconds", 2024, 2024),
        ("milliseconds", 2024, 2.024),
    ],
)
def test_units_that_were_named(unit, number, seconds):
    judged = column([number], unit)
    assert judged.span() == (seconds, seconds)
    assert judged.bad() == []


def test_numbers_that_are_not_of_the_named_unit():
    judged = column([20240131, 20240230, 7, 20240132], "date_key")
    ((count, examples),) = judged.bad()
    assert (count, [line for line, _ in examples]) == (3, [2, 3, 4])


def test_more_numbers_than_are_judged_at_once(monkeypatch):
    monkeypatch.setattr("ingestion.timestamp_units._CHUNK", 7)
    judged = column([*range(1706702400000, 1706702400100), *range(1706702400, 1706702420)])
    assert judged.unit() == "milliseconds"
    ((count, examples),) = judged.bad()
    assert (count, [line for line, _ in examples]) == (20, [101, 102, 103, 104, 105])
    assert judged.span() == (NOON, NOON + 0.099)


def test_dates_that_do_not_exist():
    numbers = np.array([20240230, 20230229, 20240229, 20241301, 20240001, 20240131246060, 19691231])
    assert np.isnan(to_seconds(numbers.astype(float), "date_key", True)).tolist() == [
        *(True, True, False, True, True, True, True)
    ]


def test_every_file_has_its_unit():
    clock = Clock({1: "milliseconds"}, strict=True)
    numbers = np.array([1706702400.0, 1706702400000.0, 1706702400.0])
    seconds = clock.seconds(numbers, np.array([0, 1, 1], np.int32))
    np.testing.assert_array_equal(seconds, [NOON, NOON, np.nan])
