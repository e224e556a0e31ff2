"""A block of text lines, and what is known of them all at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_NEWLINE, _RETURN = 10, 13
_Places = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


class LineTable:
    r"""Where the lines of a block begin and end.

    Args:
        block: Whole lines; the last one may lack its end.
        first: Number of the first line.

    Attributes:
        block: As given.
        first: As given.
        bytes: uint8[m], the block.
        starts: int64[n], where the lines begin.
        stops: int64[n], where they end, without `\n` and `\r\n`.
        sizes: int64[n], their lengths, with their ends.
        empty: bool[n], whether a line is nothing but its end.
    """

    def __init__(self, block: bytes, first: int):
        self.block = block
        self.first = first
        self.bytes = np.frombuffer(block, np.uint8)
        newlines = np.flatnonzero(self.bytes == _NEWLINE)
        self._ends = newlines + 1
        stops = newlines
        if not block.endswith(b"\n"):
            self._ends = np.append(self._ends, len(block))
            stops = np.append(stops, len(block))
        self.starts = np.append(0, self._ends[:-1])
        self.sizes = self._ends - self.starts
        returned = (stops > self.starts) & (self.bytes[stops - 1] == _RETURN)
        # A return at the end of a file that lacks the last newline is one of the line's.
        returned[len(newlines) :] = False
        self.stops = stops - returned
        self.empty = self.stops <= self.starts

    def line(self, place: int) -> bytes:
        """Returns a line with its end."""
        return self.block[self.starts[place] : self._ends[place]]

    def join(self, places: _Places) -> bytes:
        """Returns some lines, ascending, one after the other."""
        if len(places) == len(self.starts):
            return self.block
        breaks = np.flatnonzero(np.diff(places) != 1) + 1
        firsts, lasts = places[np.append(0, breaks)], places[np.append(breaks - 1, -1)]
        return b"".join(
            self.block[start:end]
            for start, end in zip(self.starts[firsts], self._ends[lasts], strict=True)
        )

    def having(self, bytes_: _Places) -> _Flags:
        """Tells which lines hold any of these bytes, given by their places, ascending."""
        return self.count(bytes_) > 0

    def count(self, bytes_: _Places) -> _Places:
        """Counts how many of these bytes each line holds."""
        return np.diff(np.searchsorted(bytes_, self._ends), prepend=0)

    def of(self, bytes_: _Places) -> _Places:
        """Returns the lines that bytes are in, as places."""
        return np.repeat(np.arange(len(self.starts)), self.count(bytes_))

    def utf8(self) -> _Flags:
        """Tells which lines are UTF-8."""
        return np.array([is_utf8(self.line(place)) for place in range(len(self.starts))])


def is_utf8(text: bytes) -> bool:
    """Whether text is UTF-8."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
