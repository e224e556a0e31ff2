"""From the values that a log or label file holds to typed ones."""

import decimal
import math
import re

from ingestion.errors import BadValue
from ingestion.text_values import decode_entities, to_unicode

_WHOLE_FLOAT = re.compile(r"(-?\d+)\.0+")
MISSING = frozenset({"", "nan", "null", "none"})
"""What stands for nothing where a class or a number is wanted, in lower case."""
_BOOLEANS = {"true": "1", "false": "0"}
LAST_EXACT_FLOAT = 2**53
"""Above it a float has lost digits of the integer that it was."""


def parse_user_id(value: object) -> str:
    """Returns a user id as a string.

    Args:
        value: A string, UTF-8 bytes, an integer, or another number that is whole: databases
            export integers as decimals, and pandas columns with gaps as floats.

    Raises:
        BadValue: It is missing, blank, of another type, no whole number or not Unicode.
    """
    if isinstance(value, str | bytes):
        text = to_unicode(value)
        if not text.strip():
            raise BadValue("missing_user_id")
        return text
    if value is None:
        raise BadValue("missing_user_id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, float | decimal.Decimal):
        raise BadValue("bad_user_id", value)
    # Decimal knows NaNs that float() refuses.
    if value.is_nan() if isinstance(value, decimal.Decimal) else math.isnan(value):
        raise BadValue("missing_user_id")
    if not math.isfinite(value) or value != int(value):
        raise BadValue("bad_user_id", value)
    if isinstance(value, float) and abs(value) > LAST_EXACT_FLOAT:
        raise BadValue("user_id_lost_digits", value)
    return str(int(value))


def loose_user_id(user_id: str) -> str:
    """Returns what ids share that differ only in case, blanks, leading zeros or a final `.0`."""
    text = user_id.strip().casefold()
    return (text[:-2] if text.endswith(".0") else text).lstrip("0")


def parse_text(value: object, html_entities: bool = False) -> str:
    """Returns the text of a behaviour, stripped of white space at both ends.

    Args:
        value: A string or UTF-8 bytes.
        html_entities: Whether `&quot;` and kin become the characters that they stand for.

    Raises:
        BadValue: It is missing, blank, of another type or not Unicode.
    """
    if value is None:
        raise BadValue("missing_text")
    if not isinstance(value, str | bytes):
        raise BadValue("bad_text", value)
    text = to_unicode(value)
    if html_entities and "&" in text:
        text = decode_entities(text)
    text = text.strip()
    if not text:
        raise BadValue("missing_text")
    return text


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
    if isinstance(value, bytes):
        value = to_unicode(value)
    elif isinstance(value, decimal.Decimal) and value.is_finite():
        value = format(value, "f")
    text = str(value).strip()
    folded = text.casefold()
    if folded in MISSING:
        return None
    whole = _WHOLE_FLOAT.fullmatch(text)
    if whole:
        return "0" if whole.group(1) == "-0" else whole.group(1)
    return _BOOLEANS.get(folded, text)
