import decimal

import pytest

from ingestion.classes import ClassIndex
from ingestion.errors import BadValue


@pytest.mark.parametrize(
    ("classes", "value", "index"),
    [
        # Text, as it is written.
        (("NO", "SE"), "NO", 0),
        (("no", "yes"), " yes ", 1),
        (("010", "020"), "020", 1),
        (("12:30", "13:30"), "12:30", 0),
        (("1.5", "1.50"), "1.50", 1),
        (("3.1", "3.10"), "3.10", 1),
        (("2023-11-14", "1_000", "0x1F", ".5", "1e3"), "0x1F", 2),
        # Booleans and whole numbers have one spelling.
        (("0", "1"), "True", 1),
        (("0", "1"), "1.0", 1),
        (("0", "1"), False, 0),
        (("true", "false"), "1", 0),
        (("1.0", "2.0"), "2", 1),
        (("1.0", "2.0"), b"2", 1),
        # Types of Parquet and JSON.
        (("1.50", "2"), 1.5, 0),
        (("1.50", "2"), decimal.Decimal("2.00"), 1),
        (("010", "020"), 10, 0),
        (("1e3", "0"), 1000, 0),
        (("no", "yes"), True, 1),
        (("off", "on"), False, 0),
        # Missing, unless the configuration says that it is a class.
        (("0", "1"), None, None),
        (("0", "1"), float("nan"), None),
        (("0", "1"), "none", None),
        (("some", "none"), "none", 1),
        (("~", "null"), "null", 1),
        (("~", "null"), "~", 0),
    ],
)
def test_a_label_is_found(classes, value, index):
    assert ClassIndex(classes)(value) == index


@pytest.mark.parametrize(
    ("classes", "value"),
    [
        (("1.5", "2"), "1.50"),  # Text is not compared by its number: 3.1 is not 3.10.
        (("010", "020"), "10"),
        (("1.50", "1.500"), 1.5),  # Either of two.
        (("a", "b"), True),
        (("a", "b"), 1),
        (("NO", "SE"), "no"),
    ],
)
def test_what_is_no_class_is_a_bad_value(classes, value):
    with pytest.raises(BadValue, match="unknown class"):
        ClassIndex(classes)(value)


@pytest.mark.parametrize("classes", [("a", "a"), ("1", "1.0"), ("true", "1")])
def test_classes_must_differ(classes):
    with pytest.raises(ValueError, match="must differ"):
        ClassIndex(classes)
