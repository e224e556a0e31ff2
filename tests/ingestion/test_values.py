import datetime

import pytest

from ingestion import values
from ingestion.errors import BadValue

NOON = 1706702400.0  # date -u -d 2024-01-31T12:00:00Z +%s


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0.0),
        (1706702400, NOON),
        (1706702400.25, NOON + 0.25),
        ("1706702400", NOON),
        (" 1706702400.5 ", NOON + 0.5),
        ("1.7067024e9", NOON),
        (b"1706702400", NOON),
        ("2024-01-31T12:00:00Z", NOON),
        ("2024-01-31 12:00:00", NOON),
        ("2024-01-31T12:00", NOON),
        ("2024-01-31", NOON - 12 * 3600),
        ("2024-01-31T14:30:00+02:30", NOON),
        ("2024-01-31T10:00:00-0200", NOON),
        ("2024-01-31T11:00:00-01", NOON),
        ("2024-01-31T12:00:00.5Z", NOON + 0.5),
        ("2024-01-31T12:00:00.123456789Z", NOON + 0.123456),
        (datetime.date(2024, 1, 31), NOON - 12 * 3600),
        (datetime.datetime(2024, 1, 31, 12), NOON),
    ],
)
def test_timestamps(value, seconds):
    assert values.parse_timestamp(value) == seconds


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "missing_timestamp"),
        ("", "missing_timestamp"),
        ("  ", "missing_timestamp"),
        ("yesterday", "bad_timestamp"),
        ("31.01.2024", "bad_timestamp"),
        ("2024-02-30", "bad_timestamp"),
        ("2024-01-31T25:00:00Z", "bad_timestamp"),
        ("1_000", "bad_timestamp"),
        ("nan", "bad_timestamp"),
        (float("nan"), "bad_timestamp"),
        (float("inf"), "bad_timestamp"),
        (10**400, "bad_timestamp"),
        (True, "bad_timestamp"),
        ([1], "bad_timestamp"),
        (-1, "negative_timestamp"),
        ("-0.5", "negative_timestamp"),
        ("1969-12-31T23:59:59Z", "negative_timestamp"),
        (1706702400000, "timestamp_in_milliseconds"),
        ("1706702400000", "timestamp_in_milliseconds"),
    ],
)
def test_bad_timestamps(value, reason):
    with pytest.raises(BadValue) as caught:
        values.parse_timestamp(value)
    assert caught.value.reason == reason


def test_milliseconds_name_their_remedy():
    with pytest.raises(BadValue, match=r"1706702400000\. It looks like milliseconds: divide it"):
        values.parse_timestamp(1706702400000)


def test_user_ids():
    assert values.parse_user_id("a b") == "a b"
    assert values.parse_user_id(7) == "7"
    assert values.parse_user_id("ü".encode()) == "ü"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "missing_user_id"),
        ("", "missing_user_id"),
        ("\t ", "missing_user_id"),
        (1.5, "bad_user_id"),
        (True, "bad_user_id"),
        ({}, "bad_user_id"),
        ("\ud800", "invalid_utf8"),
        (b"\xff", "invalid_utf8"),
    ],
)
def test_bad_user_ids(value, reason):
    with pytest.raises(BadValue) as caught:
        values.parse_user_id(value)
    assert caught.value.reason == reason


def test_texts_are_stripped():
    assert values.parse_text(" fix\n the build \n") == "fix\n the build"
    assert values.parse_text("詩".encode()) == "詩"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "missing_text"),
        ("", "missing_text"),
        ("\u3000\n", "missing_text"),
        (3, "bad_text"),
        (["a"], "bad_text"),
        ("a\udfff", "invalid_utf8"),
    ],
)
def test_bad_texts(value, reason):
    with pytest.raises(BadValue) as caught:
        values.parse_text(value)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (True, "1"),
        (False, "0"),
        (1, "1"),
        (1.0, "1"),
        ("1.00", "1"),
        ("1.5", "1.5"),
        ("TRUE", "1"),
        ("false", "0"),
        (" emea ", "emea"),
        (b"emea", "emea"),
        ("NA", "NA"),
        (None, None),
        ("", None),
        ("null", None),
        ("NaN", None),
        (float("nan"), None),
    ],
)
def test_labels(value, label):
    assert values.normalize_label(value) == label
