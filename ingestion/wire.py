"""tf.Examples as bytes, without a message of every text.

What is written is what `tf.train.Example.SerializeToString(deterministic=True)` gives. Texts are
framed for many users at once: each with the tag and the length that it has in a `BytesList`, so
that the list of some texts that stand together is a piece of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.string_columns import bytes_of

# Field numbers and wire types of feature.proto and example.proto.
_FIRST, _SECOND, _THIRD = b"\x0a", b"\x12", b"\x1a"
_SEVEN_BITS, _MORE = 0x7F, 0x80
_VARINT_BYTES = 10


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > _SEVEN_BITS:
        found.append(number & _SEVEN_BITS | _MORE)
        number >>= 7
    found.append(number)
    return bytes(found)


_USUAL_TEXT = 4096
_PREFIXES = [_FIRST + _varint(length) for length in range(_USUAL_TEXT)]
_PREFIX_COLUMN = pa.array(_PREFIXES, pa.large_binary())


class Framed(NamedTuple):
    """Texts as they stand in a `BytesList`.

    Attributes:
        content: The texts, one after the other, each after its tag and length.
        edges: int64[n + 1], where each begins and the last one ends.
    """

    content: memoryview
    edges: npt.NDArray[np.int64]

    def part(self, start: int, stop: int) -> Framed:
        """Returns the texts from one place up to another."""
        return Framed(self.content, self.edges[start : stop + 1])

    def take(self, places: slice | npt.NDArray[np.int64]) -> bytes:
        """Returns the `BytesList` of texts that stand together, or in these places."""
        if isinstance(places, slice):
            return bytes(self.content[self.edges[places.start] : self.edges[places.stop]])
        ends = zip(self.edges[places], self.edges[places + 1], strict=True)
        return b"".join(bytes(self.content[start:stop]) for start, stop in ends)


def frame(texts: pa.Array) -> Framed:
    """Returns texts as they stand in a `BytesList`.

    Args:
        texts: large_string[n], without nulls.
    """
    _, starts, stops = bytes_of(texts)
    lengths = stops - starts
    prefixes = _PREFIX_COLUMN.take(pa.array(np.minimum(lengths, _USUAL_TEXT - 1)))
    long = lengths >= _USUAL_TEXT
    if long.any():
        own = [_FIRST + _varint(int(length)) for length in lengths[long]]
        prefixes = pc.replace_with_mask(prefixes, pa.array(long), pa.array(own, pa.large_binary()))
    nothing = pa.scalar(b"", pa.large_binary())
    framed = pc.binary_join_element_wise(prefixes, texts.cast(pa.large_binary()), nothing)
    content, starts, stops = bytes_of(framed)
    return Framed(memoryview(content.data), np.append(starts, stops[-1:] if len(stops) else 0))


def bytes_feature(values: bytes) -> bytes:
    """Returns the `Feature` of a `BytesList`."""
    return _message(_FIRST, values)


def text_feature(text: str) -> bytes:
    """Returns the `Feature` of one text."""
    return bytes_feature(_message(_FIRST, text.encode()))


def integers_feature(values: npt.ArrayLike) -> bytes:
    """Returns the `Feature` of an `Int64List`: int64[n], n >= 1."""
    left = np.asarray(values, np.int64).astype(np.uint64)
    groups = np.zeros((len(left), _VARINT_BYTES), np.uint8)
    used = np.zeros(groups.shape, bool)
    used[:, 0] = True
    for place in range(_VARINT_BYTES):
        groups[:, place] = left & np.uint64(_SEVEN_BITS)
        left = left >> np.uint64(7)
        more = left > 0
        if not more.any():
            break
        groups[more, place] |= _MORE
        used[more, place + 1] = True
    return _message(_THIRD, _message(_FIRST, groups[used].tobytes()))


def float_feature(value: float) -> bytes:
    """Returns the `Feature` of a `FloatList` of one number."""
    return floats_feature([value])


def floats_feature(values: npt.ArrayLike) -> bytes:
    """Returns the `Feature` of a `FloatList`: float32[n], n >= 1."""
    return _message(_SECOND, _message(_FIRST, np.asarray(values, "<f4").tobytes()))


def texts_feature(values: Iterable[str]) -> bytes:
    """Returns the `Feature` of a `BytesList` of some texts."""
    return bytes_feature(b"".join(_message(_FIRST, text.encode()) for text in values))


FEATURES: Mapping[str, Callable[[Any], bytes]] = {
    "int64": integers_feature,
    "float32": floats_feature,
    "string": texts_feature,
}
"""Returns the `Feature` of some values, by the name of their type in `EventChannel`."""


def serialize(features: Mapping[str, bytes]) -> bytes:
    """Returns the `Example` of features, by their names."""
    return _message(_FIRST, b"".join(_entries(features)))


def _entries(features: Mapping[str, bytes]) -> Iterable[bytes]:
    for name in sorted(features):
        yield _message(_FIRST, _message(_FIRST, name.encode()) + _message(_SECOND, features[name]))


def _message(tag: bytes, content: bytes) -> bytes:
    return tag + _varint(len(content)) + content
