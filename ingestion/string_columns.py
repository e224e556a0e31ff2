"""The bytes of Arrow's columns of text, for NumPy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# No character between them is white space.
_FIRST_VISIBLE, _LAST_VISIBLE = 0x21, 0x7E


def as_text(column: pa.Array) -> pa.Array | None:
    """Returns a column of text, string or large_string; None if it is of another type or no text.

    Args:
        column: Of text, of bytes, or of either in a dictionary.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            # Parquet's writers need not look at what they call text.
            column.validate(full=True)
            return column
        if pa.types.is_binary(kind):
            return column.cast(pa.string())
        if pa.types.is_large_binary(kind):
            return column.cast(pa.large_string())
    except (pa.ArrowException, UnicodeDecodeError):
        pass
    return None


def bytes_of(
    column: pa.Array,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns what a column of text is made of.

    Args:
        column: string[n] or large_string[n].

    Returns:
        uint8[m], the bytes of all values; int64[n], where the values begin, and int64[n], where
        they end. A value that is null is empty.
    """
    large = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    _, offsets, data = column.buffers()
    if not len(column):
        nothing = np.zeros(0, np.int64)
        return np.zeros(0, np.uint8), nothing, nothing
    found = np.frombuffer(offsets, np.int64 if large else np.int32)
    edges: npt.NDArray[np.int64] = found[column.offset : column.offset + len(column) + 1].astype(
        np.int64
    )
    content = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return content, edges[:-1], edges[1:]


def valid(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Tells which values of a column are not null."""
    if not column.null_count:
        return np.ones(len(column), bool)
    found: npt.NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)
    return found


def begin_visibly(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Tells which texts surely begin with something else than white space."""
    content, starts, stops = bytes_of(column)
    return _visible(content, starts, stops > starts)


def end_visibly(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Tells which texts surely end with something else than white space."""
    content, starts, stops = bytes_of(column)
    return _visible(content, stops - 1, stops > starts)


def _visible(
    content: npt.NDArray[np.uint8], places: npt.NDArray[np.int64], there: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    visible = there.copy()
    found = content[places[there]]
    visible[there] = (found >= _FIRST_VISIBLE) & (found <= _LAST_VISIBLE)
    return visible
