"""Which behaviours of a user are history, target or inferred from, and which split gets the user.

Behaviours are numbered from the oldest; a part of them is a `slice`.
"""

import hashlib
import math
import zlib

import numpy as np
import numpy.typing as npt

from contract.splits import EVAL, TRAIN, VALIDATION
from ingestion.config import (
    Division,
    FractionDivision,
    Window,
    WindowsDivision,
)


def split_of(user_id: str) -> str:
    """Returns the split of a user, labelled or not, so no user of eval is ever trained on.

    20 % of the users are in eval, 10 % in validation, 70 % in train.
    """
    return EVAL if zlib.crc32(user_id.encode()) % 5 == 0 else training_split_of(user_id)


def training_split_of(user_id: str) -> str:
    """Returns the split of a user who is not, or not only, in eval."""
    return VALIDATION if zlib.crc32(user_id.encode()) // 5 % 8 == 0 else TRAIN


def history_and_target(
    timestamps: npt.NDArray[np.float64], user_id: str, division: Division
) -> tuple[slice, slice]:
    """Divides the behaviours of a user.

    Args:
        timestamps: float64[n], Unix seconds, ascending, n >= 2.
        user_id: The user's id, from which a random cut is drawn.
        division: How to divide.

    Returns:
        The history and the target. With `windows` either may be empty.
    """
    if isinstance(division, WindowsDivision):
        return _within(timestamps, division.history), _within(timestamps, division.target)
    n = len(timestamps)
    if isinstance(division, FractionDivision):
        # Without the tolerance 0.29 * 100 would be rounded down to 28.
        cut = min(max(math.floor(n * division.fraction + 1e-9), 1), n - 1)
    else:
        digest = hashlib.blake2b(f"{division.seed}:{user_id}".encode(), digest_size=8).digest()
        cut = 1 + int.from_bytes(digest, "big") % (n - 1)
    return slice(0, cut), slice(cut, n)


def inference(timestamps: npt.NDArray[np.float64], division: Division) -> slice:
    """Returns the behaviours that a labelled user is represented from.

    Args:
        timestamps: float64[n], Unix seconds, ascending.
        division: How behaviours are divided; only `windows` leaves any out.
    """
    if isinstance(division, WindowsDivision):
        return _within(timestamps, division.inference)
    return slice(0, len(timestamps))


def most_recent(part: slice, limit: int) -> slice:
    """Returns the last `limit` behaviours of a part."""
    return slice(max(part.start, part.stop - limit), part.stop)


def sample(part: slice, user_id: str, size: int | None) -> slice | npt.NDArray[np.int64]:
    """Draws behaviours of a part at random, for one user always the same ones.

    Args:
        part: The behaviours.
        user_id: The user's id, from which they are drawn.
        size: How many; None for all.

    Returns:
        The part if it has no more than that, else int64[size], the numbers drawn, ascending.
    """
    if size is None or length(part) <= size:
        return part
    draws = np.random.default_rng(zlib.crc32(user_id.encode()))
    return np.sort(part.start + draws.choice(length(part), size, replace=False))


def length(part: slice) -> int:
    """Returns the number of behaviours in a part."""
    number: int = part.stop - part.start
    return number


def _within(timestamps: npt.NDArray[np.float64], window: Window) -> slice:
    start, stop = np.searchsorted(timestamps, [window.start, window.end])
    return slice(int(start), int(stop))
