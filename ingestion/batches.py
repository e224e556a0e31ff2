"""Records as columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingestion.errors import BadValue

Record = tuple[int, tuple[Any, ...] | BadValue]
"""Its line, or in Parquet its row, from 1, and the values or why there are none."""


@dataclasses.dataclass(frozen=True)
class Batch:
    """Records of a file that could be read at once.

    Args:
        lines: int64[n], ascending, the records' lines or rows.
        columns: Of n values each, the wanted columns; types are what the file has, and numbers of
            JSON may be floats where the file has integers.
        values: Returns the values of a record, by its place, as the file holds them.
    """

    lines: npt.NDArray[np.int64]
    columns: tuple[pa.Array, ...]
    values: Callable[[int], tuple[Any, ...] | BadValue]
