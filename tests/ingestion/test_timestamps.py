"""One timestamp at a time."""

import datetime
import decimal

import pytest

from ingestion.errors import BadValue
from ingestion.timestamps import UnixSeconds, parse_moment, parse_timestamp

NOON = 1706702400.0  # date -u -d 2024-01-31T12:00:00Z +%s


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0.0),
        (1706702400, NOON),
        (1706702400.25, NOON + 0.25),
        ("1706702400", NOON),
        (" 1706702400.5 ", NOON + 0.5),
        ("1.7067024e9", NOON),
        (b"1706702400", NOON),
        (decimal.Decimal("1706702400"), NOON),
        (20240131, 20240131.0),
        ("20240131120000", 20240131120000.0),
        (1706702400000, 1706702400000.0),
    ],
)
def test_numbers_stay_as_they_are(value, number):
    parsed = parse_timestamp(value)
    assert parsed == number
    assert not isinstance(parsed, UnixSeconds)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2024-01-31T12:00:00Z", NOON),
        ("2024-01-31t12:00:00z", NOON),
        ("2024-01-31 12:00:00", NOON),
        ("2024-01-31 12:00:00 UTC", NOON),
        ("2024-01-31 12:00:00.500 UTC", NOON + 0.5),
        ("2024-01-31 12:00:00 +0000", NOON),
        ("2024-01-31 12:00:00+00", NOON),
        ("2024-01-31 13:00:00 Europe/Berlin", NOON),
        ("2024-01-31T13:00:00+01:00[Europe/Berlin]", NOON),
        ("2024-07-31 14:00:00 Europe/Berlin", NOON + 182 * 86400),
        ("2024-01-31T12:00", NOON),
        ("2024-01-31", NOON - 12 * 3600),
        ("2024/01/31 12:00:00", NOON),
        ("20240131T120000Z", NOON),
        ("20240131T1200+0000", NOON),
        ("2024-01-31T14:30:00+02:30", NOON),
        ("2024-01-31T10:00:00-0200", NOON),
        ("2024-01-31T11:00:00-01", NOON),
        ("2024-01-31T12:00:00.5Z", NOON + 0.5),
        ("2024-01-31T12:00:00.123456789Z", NOON + 0.123456),
        ("2016-12-31T23:59:60Z", 1483228800.0),
        ("Wed, 31 Jan 2024 12:00:00 +0000", NOON),
        ("Wed, 31 Jan 2024 12:00:00 GMT", NOON),
        ("31 Jan 2024 13:00:00 +0100", NOON),
        ("Wed Jan 31 12:00:00 2024", NOON),
        ("Wed Jan 31 12:00:00 +0000 2024", NOON),
        ("31/Jan/2024:12:00:00 +0000", NOON),
        (datetime.date(2024, 1, 31), NOON - 12 * 3600),
        (datetime.datetime(2024, 1, 31, 12), NOON),
        (UnixSeconds(5), 5.0),
    ],
)
def test_points_in_time(value, seconds):
    parsed = parse_timestamp(value)
    assert parsed == seconds
    assert isinstance(parsed, UnixSeconds)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "missing_timestamp"),
        ("", "missing_timestamp"),
        ("  ", "missing_timestamp"),
        (float("nan"), "missing_timestamp"),
        ("yesterday", "bad_timestamp"),
        ("31.01.2024", "bad_timestamp"),
        ("01/31/2024", "bad_timestamp"),
        ("2024-01", "bad_timestamp"),
        ("2024-01/31", "bad_timestamp"),
        ("2024-02-30", "bad_timestamp"),
        ("2024-01-31T25:00:00Z", "bad_timestamp"),
        ("2024-01-31 12:00:00 Nowhere/Atall", "bad_timestamp"),
        ("2024-01-31 12:00:00 CET", "bad_timestamp"),
        ("99 Jan 2024 12:00:00 +0000", "bad_timestamp"),
        ("1_000", "bad_timestamp"),
        ("nan", "bad_timestamp"),
        (float("inf"), "bad_timestamp"),
        (10**400, "bad_timestamp"),
        (True, "bad_timestamp"),
        ([1], "bad_timestamp"),
        (datetime.timedelta(1), "bad_timestamp"),
        (-1, "negative_timestamp"),
        ("-0.5", "negative_timestamp"),
        ("1969-12-31T23:59:59Z", "negative_timestamp"),
        (UnixSeconds(-5), "negative_timestamp"),
    ],
)
def test_bad_timestamps(value, reason):
    with pytest.raises(BadValue) as caught:
        parse_timestamp(value)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2024-01-31", NOON - 12 * 3600),
        (20240131, NOON - 12 * 3600),
        ("20240131120000", NOON),
        (202401311200, NOON),
        (1706702400, NOON),
        (1001, 1001.0),
        (20241399, 20241399.0),
    ],
)
def test_moments_of_a_configuration(value, seconds):
    assert parse_moment(value) == seconds


@pytest.mark.parametrize("value", [2024, "2024", 1706702400000])
def test_moments_that_would_be_misread(value):
    with pytest.raises(BadValue, match=r"bad moment: .* Write a date, as 2024-01-31"):
        parse_moment(value)
