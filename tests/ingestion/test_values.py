import decimal

import pytest

from ingestion import values
from ingestion.errors import BadValue


def test_user_ids():
    assert values.parse_user_id("a b") == "a b"
    assert values.parse_user_id(7) == "7"
    assert values.parse_user_id("ü".encode()) == "ü"
    assert values.parse_user_id(decimal.Decimal("7.00")) == "7"
    assert values.parse_user_id(decimal.Decimal(10**37 + 1)) == str(10**37 + 1)
    assert values.parse_user_id(7.0) == "7"
    assert values.parse_user_id("007") == "007"


@pytest.mark.parametrize("other", ["09950", " 9950", "9950.0", "009950 "])
def test_ids_that_are_easily_confused(other):
    assert values.loose_user_id(other) == values.loose_user_id("9950") == "9950"
    assert values.loose_user_id("U1") == values.loose_user_id("u1") != values.loose_user_id("u10")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "missing_user_id"),
        ("", "missing_user_id"),
        ("\t ", "missing_user_id"),
        (1.5, "bad_user_id"),
        (decimal.Decimal("1.5"), "bad_user_id"),
        (float("inf"), "bad_user_id"),
        (float("nan"), "missing_user_id"),
        (decimal.Decimal("nan"), "missing_user_id"),
        (1e17, "user_id_lost_digits"),
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
    ("text", "expected"),
    [
        ("&quot;great&quot; &amp; 6&#39; tall &#x1F600;", '"great" & 6\' tall \U0001f600'),
        ("&amp;quot;twice&amp;quot;", '"twice"'),
        # Addresses of pages are none.
        ("a=1&copy=2&lt", "a=1&copy=2&lt"),
        ("AT&T; &nonsense;", "AT&T; &nonsense;"),
        ("&#xD800;", "\ufffd"),
    ],
)
def test_html_entities(text, expected):
    assert values.parse_text(text, html_entities=True) == expected
    assert values.parse_text(text) == text


def test_a_text_of_entities_may_be_blank():
    with pytest.raises(BadValue, match="missing text"):
        values.parse_text("&nbsp;", html_entities=True)


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
        (decimal.Decimal("1.00"), "1"),
        (decimal.Decimal("1E+1"), "10"),
        (-0.0, "0"),
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
