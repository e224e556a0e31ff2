"""Columns of channels: from what a file holds to types and numbers, one by one and many at once.

How a column is read depends on what its channel's feature holds. What says nothing, a null or an
empty text, becomes the channel's neutral value.
"""

from __future__ import annotations

import abc
import decimal
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from contract.event_channels import EventChannel, further_channels_of
from ingestion.errors import BadValue
from ingestion.string_columns import as_text, begin_visibly, bytes_of, end_visibly, valid
from ingestion.text_values import to_unicode
from ingestion.values import LAST_EXACT_FLOAT, MISSING, normalize_label

_Flags = npt.NDArray[np.bool_]

_LARGEST = float(np.finfo(np.float32).max)
_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
# Arrow's own words for numbers are a bit stricter.
_PLAIN_NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"


class ChannelColumn(abc.ABC):
    """How the values of a channel are read.

    Args:
        channel: The channel.

    Attributes:
        channel: As given.
        kind: Arrow's type of what is kept.
    """

    kind: pa.DataType

    def __init__(self, channel: EventChannel):
        self.channel = channel

    @abc.abstractmethod
    def parse(self, value: object) -> Any:
        """Returns one value as it is kept.

        Raises:
            BadValue: It is none.
        """

    @abc.abstractmethod
    def read(self, column: pa.Array) -> tuple[pa.Array, _Flags]:
        """Reads many values.

        Args:
            column: As a file has it.

        Returns:
            The values, of `kind`, and which of them are plainly so; `parse` sees to the others.
        """

    @abc.abstractmethod
    def known(self, values: pa.Array) -> int:
        """Returns how many values of `kind` say something."""

    def neutral(self, count: int) -> pa.Array:
        """Returns so many values that say nothing."""
        return pa.array([self.channel.neutral] * count, self.kind)


class TextColumn(ChannelColumn):
    """Names, as of types; whole numbers are names too."""

    kind = pa.large_string()

    def parse(self, value: object) -> str:
        """See base class."""
        if value is None or isinstance(value, str | bytes):
            return "" if value is None else to_unicode(value).strip()
        if isinstance(value, bool | int | float | decimal.Decimal):
            text = normalize_label(value)
            if text is None or text.lstrip("-").isdigit():
                return text or ""
        raise BadValue("bad_name", value, column=self.channel.column)

    def read(self, column: pa.Array) -> tuple[pa.Array, _Flags]:
        """See base class."""
        if pa.types.is_null(column.type):
            return self.neutral(len(column)), np.ones(len(column), bool)
        if pa.types.is_integer(column.type):
            texts = column.cast(self.kind)
        elif pa.types.is_floating(column.type):
            # Integers that share a column with nulls, or that JSON's reader took for floats.
            numbers = column.to_numpy(zero_copy_only=False).astype(np.float64)
            with np.errstate(invalid="ignore"):
                whole = (np.abs(numbers) <= LAST_EXACT_FLOAT) & (numbers == np.floor(numbers))
            texts = pa.array(np.where(whole, numbers, 0).astype(np.int64)).cast(self.kind)
            unknown = np.isnan(numbers)
            texts = pc.if_else(pa.array(unknown), "", texts)
            return texts.cast(self.kind), whole | unknown
        elif (found := as_text(column)) is not None:
            texts = found.cast(self.kind)
            _, starts, stops = bytes_of(texts)
            ends = (begin_visibly(texts) & end_visibly(texts)) | (starts == stops)
            if not ends.all():
                # Arrow's white space is not quite Python's.
                return texts.fill_null(""), ends
        else:
            return self.neutral(len(column)), np.zeros(len(column), bool)
        return texts.fill_null(""), np.ones(len(column), bool)

    def known(self, values: pa.Array) -> int:
        """See base class."""
        _, starts, stops = bytes_of(values)
        return int((stops > starts).sum())


class NumberColumn(ChannelColumn):
    """Numbers, as of prices, that float32 can hold."""

    kind = pa.float32()

    def parse(self, value: object) -> float:
        """See base class."""
        if isinstance(value, str | bytes):
            text = to_unicode(value).strip()
            if text.casefold() in MISSING:
                return float(self.channel.neutral)
            if not re.fullmatch(_NUMBER, text):
                raise BadValue("bad_number", value, column=self.channel.column)
            number = float(text)
        elif value is None:
            number = float(self.channel.neutral)
        elif isinstance(value, int | float | decimal.Decimal) and not isinstance(value, bool):
            number = float(self.channel.neutral) if _is_nan(value) else _float(value)
        else:
            raise BadValue("bad_number", value, column=self.channel.column)
        if abs(number) > _LARGEST:
            raise BadValue("bad_number", value, column=self.channel.column)
        return number

    def read(self, column: pa.Array) -> tuple[pa.Array, _Flags]:
        """See base class."""
        if pa.types.is_null(column.type):
            return self.neutral(len(column)), np.ones(len(column), bool)
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            numbers, plain = column, np.ones(len(column), bool)
        elif (texts := as_text(column)) is not None:
            _, starts, stops = bytes_of(texts)
            is_number = pc.match_substring_regex(texts, _PLAIN_NUMBER).fill_null(False)
            numbers = pc.if_else(is_number, texts, None).cast(pa.float64())
            plain = ~valid(texts) | (starts == stops)
            plain |= is_number.to_numpy(zero_copy_only=False)
        else:
            return self.neutral(len(column)), np.zeros(len(column), bool)
        floats = numbers.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        floats = np.where(valid(numbers), floats, np.nan)
        plain = plain & ~(np.abs(floats) > _LARGEST)
        return pa.array(np.where(plain, floats, np.nan).astype(np.float32)), plain

    def known(self, values: pa.Array) -> int:
        """See base class."""
        return int(np.isfinite(values.to_numpy(zero_copy_only=False)).sum())


_READ_AS: dict[str, type[ChannelColumn]] = {"string": TextColumn, "float32": NumberColumn}
"""By what the channel's feature holds."""


def channel_columns(names: Iterable[str]) -> tuple[ChannelColumn, ...]:
    """Returns how the channels that have columns of their own are read.

    Args:
        names: Of channels, as in `data.channels`.
    """
    return tuple(_READ_AS[each.dtype](each) for each in further_channels_of(names))


def _is_nan(value: float | decimal.Decimal) -> bool:
    # Decimal knows NaNs that float() refuses.
    return value.is_nan() if isinstance(value, decimal.Decimal) else value != value


def _float(value: float | decimal.Decimal) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")
