"""The JSON of a request's body, read as TF Serving's parser reads it.

That is RapidJSON 1.1.0 with the flags of `ParseJson` in `tensorflow_serving/util/json_tensor.cc`:
NaN and Infinity are numbers, what follows the document is ignored, and bytes in strings are taken
as they are. Errors have its texts and byte offsets.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from serving.dev_server.errors import StatusError, invalid_argument

_MAX_DEBUG_BYTES = 256
_LONE_SURROGATE = re.compile(
    r"(?<!\\)(?:\\\\)*(\\u[dD][89abAB][0-9a-fA-F]{2})(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
_HEX = re.compile("[0-9a-fA-F]{4}")
_TEXTS = {
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
    "Invalid control character at": "Invalid escape character in string.",
}


def parse_object(body: bytes) -> dict[str, Any]:
    """A request's JSON object; of a name that stands twice the first counts.

    Raises:
        StatusError: INVALID_ARGUMENT, if the body does not start with one.
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    # Bytes that are no UTF-8 become lone surrogates, and bytes again in `encode`.
    text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    start = len(text) - len(text.lstrip(" \t\r\n"))
    lone = _LONE_SURROGATE.search(text) if "\\u" in text else None
    if lone:
        raise _error("The surrogate pair in string is invalid.", text, lone.start(1))
    try:
        document, _ = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise _as_rapidjson(error, text, start) from error
    except OverflowError as error:
        raise invalid_argument(
            f"JSON Parse error: Number too big to be stored in double. ({error})"
        ) from error
    except RecursionError as error:
        raise invalid_argument("JSON Parse error: the document is nested too deeply") from error
    if not isinstance(document, dict):
        raise invalid_argument(f"JSON Value: {debug_string(document)} Is not object")
    return document


def encode(text: str) -> bytes:
    """A string of the document as the bytes that were sent."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def type_name(value: Any) -> str:
    """A JSON value's type as TF Serving's errors name it."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    names = ((dict, "Object"), (list, "Array"), (str, "String"))
    return next((name for kind, name in names if isinstance(value, kind)), "Number")


def debug_string(value: Any) -> str:
    """A JSON value as TF Serving's errors quote it: no new part begins after 256 bytes."""
    parts, size = [], 0
    for part, begins in _parts(value, 0):
        if begins and size >= _MAX_DEBUG_BYTES:
            break
        parts.append(part)
        size += len(encode(part))
    return "".join(parts)


def _parts(value: Any, level: int) -> Iterator[tuple[str, bool]]:
    """The text of a value in parts, and whether the text may end before each."""
    if isinstance(value, list):
        yield "[", True
        for index, item in enumerate(value):
            yield from _behind(", " if index else "", _parts(item, level + 1))
        yield "]", True
    elif isinstance(value, dict):
        yield "{", True
        for index, (key, item) in enumerate(value.items()):
            line = "," if index else ""
            yield f"{line}\n{'    ' * (level + 1)}{json.dumps(key, ensure_ascii=False)}", True
            yield from _behind(": ", _parts(item, level + 1))
        yield ("\n" + "    " * level if value else "") + "}", True
    elif isinstance(value, float) and not math.isfinite(value):
        yield "", True
    else:
        yield json.dumps(value, ensure_ascii=False), True


def _behind(prefix: str, parts: Iterator[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    first, begins = next(parts)
    yield prefix + first, begins
    yield from parts


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise OverflowError(f"{text[:20]} is larger than 1.8e308")
    return value


def _int(text: str) -> int | float:
    # As there, what fits into 64 bits is an integer, and all else a float.
    value = int(text) if len(text) <= 20 else _float(text)
    return value if isinstance(value, float) or -(1 << 63) <= value < 1 << 64 else float(value)


def _first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        values.update(reversed(pairs))
    return values


_DECODER = json.JSONDecoder(
    parse_float=_float, parse_int=_int, object_pairs_hook=_first_wins, strict=True
)


def _as_rapidjson(error: json.JSONDecodeError, text: str, start: int) -> StatusError:
    """The same mistake with RapidJSON's text and offset."""
    position = error.pos
    here = text[position : position + 1]
    before = text[position - 1 : position]
    if error.msg.startswith("Unterminated string"):
        tail = text[position + 1 :]
        if (len(tail) - len(tail.rstrip("\\"))) % 2:
            return _error("Invalid escape character in string.", text, len(text) - 1)
        return _error("Missing a closing quotation mark in string.", text, len(text))
    if error.msg.startswith("Invalid control character") and here == "\0":
        return _error("Missing a closing quotation mark in string.", text, position)
    if error.msg.startswith("Invalid \\uXXXX"):
        if _HEX.fullmatch(text, position + 1):
            return _error("Missing a closing quotation mark in string.", text, len(text))
        return _error(_TEXTS["Invalid \\uXXXX escape"], text, position - 1)
    if error.msg.startswith("Illegal trailing comma"):
        # From Python 3.13; it points at the comma, RapidJSON at what closes.
        rest = text[position + 1 :]
        closing = position + 1 + len(rest) - len(rest.lstrip(" \t\r\n"))
        missing = _TEXTS["Expecting property name enclosed in double quotes"]
        return _error(missing if text[closing] == "}" else "Invalid value.", text, closing)
    if error.msg.startswith("Expecting value"):
        if position == start and here in ("", "]", "}", ",", ":"):
            return _error("The document is empty.", text, position)
        return _error("Invalid value.", text, position + _matched(text, position))
    if error.msg.startswith("Expecting ',' delimiter"):
        number = text[max(0, position - 40) : position]
        number = number[len(number.rstrip("0123456789+-.eE")) :]
        if here == "." and before.isdigit() and not {".", "e", "E"} & set(number):
            return _error("Miss fraction part in number.", text, position + 1)
        if here in ("e", "E") and before.isdigit() and not {"e", "E"} & set(number):
            signs = text[position + 1 : position + 2] in ("+", "-")
            return _error("Miss exponent in number.", text, position + 1 + signs)
        return _error(_missing_comma(text, start, position), text, position)
    for message, replacement in _TEXTS.items():
        if error.msg.startswith(message):
            return _error(replacement, text, position)
    return _error(error.msg, text, position)


def _matched(text: str, position: int) -> int:
    """How far a value that is none looks like one."""
    for word in ("true", "false", "null", "NaN", "Infinity", "-"):
        if text.startswith(word[0], position):
            sizes = range(len(word), 0, -1)
            return next(size for size in sizes if text.startswith(word[:size], position))
    return 0


def _missing_comma(text: str, start: int, position: int) -> str:
    """Whether it is an object's comma that is missing, or an array's: what closes it tells."""
    for closing, message in (
        ("}", "Missing a comma or '}' after an object member."),
        ("]", "Missing a comma or ']' after an array element."),
    ):
        try:
            _DECODER.raw_decode(text[:position] + closing, start)
        except json.JSONDecodeError as error:
            # Beyond what was closed something else may be missing, but not here.
            if error.pos > position:
                return message
        except OverflowError:
            continue
        else:
            return message
    return "Missing a comma or ']' after an array element."


def _error(message: str, text: str, position: int) -> StatusError:
    return invalid_argument(
        f"JSON Parse error: {message} at offset: {len(encode(text[:position]))}"
    )
