"""Text of files as it comes: decoded, and with its HTML entities read."""

import html
import re

from ingestion.errors import BadValue

# With its semicolon: `a=1&copy=2` is no entity.
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# `&amp;quot;` is an entity that was escaped once more.
_ESCAPED_TIMES = 2


def to_unicode(value: str | bytes) -> str:
    """Returns text that can be written as UTF-8: JSON may escape lone surrogates.

    Raises:
        BadValue: It cannot.
    """
    try:
        if isinstance(value, bytes):
            return value.decode()
        value.encode()
        return value
    except UnicodeError as error:
        raise BadValue("invalid_utf8", value) from error


def decode_entities(text: str) -> str:
    r"""Returns text with the characters that HTML entities stand for.

    Example:
        >>> decode_entities("6&#39; &amp;quot;tent&amp;quot; by AT&amp;T")
        '6\' "tent" by AT&T'
    """
    for _ in range(_ESCAPED_TIMES):
        if "&" not in text:
            break
        text = _ENTITY.sub(lambda entity: html.unescape(entity.group()), text)
    return text
