"""Which class a label is: the classes are text, the labels are whatever a file holds."""

import decimal
from collections.abc import Sequence

from ingestion.errors import BadValue
from ingestion.values import normalize_label

_YES = frozenset({"1", "yes", "y", "on", "t"})
_NO = frozenset({"0", "no", "n", "off", "f"})


class ClassIndex:
    """Finds the class of a label.

    What counts, in this order:

    1. Text that is a class as it is written: `010`, `1.50`, `NO`, and `none` if it is a class.
    2. None, NaN and the texts "", nan, null and none are missing labels.
    3. Text and classes that differ only in how booleans and whole numbers are written:
       True, true, 1.0 and 1.
    4. A number of Parquet or JSON is the class that is a number of the same value (1.5 is `1.50`);
       a boolean the one that says yes or no in another word.

    Args:
        classes: Names of the classes, as in the configuration.

    Raises:
        ValueError: Two classes could not be told apart.
    """

    def __init__(self, classes: Sequence[str]):
        self._exact = {name: index for index, name in enumerate(classes)}
        self._spelt: dict[str, int] = {}
        self._numbers: dict[decimal.Decimal, list[int]] = {}
        self._booleans: dict[bool, list[int]] = {True: [], False: []}
        for index, name in enumerate(classes):
            spelling = normalize_label(name) or name
            if spelling in self._spelt:
                other = classes[self._spelt[spelling]]
                raise ValueError(f"the classes must differ, not {other} and {name}")
            self._spelt[spelling] = index
            number = _number(name)
            if number is not None:
                self._numbers.setdefault(number, []).append(index)
            for truth, words in ((True, _YES), (False, _NO)):
                if spelling.casefold() in words:
                    self._booleans[truth].append(index)

    def __call__(self, value: object) -> int | None:
        """Returns the index of a label's class, None if the label is missing.

        Args:
            value: Of the label's column: text, UTF-8 bytes, a number, a boolean or None.

        Raises:
            BadValue: It is no class.
        """
        if isinstance(value, str) and (exact := self._exact.get(value.strip())) is not None:
            return exact
        label = normalize_label(value)
        if label is None:
            return None
        # Bytes that are a class as written.
        index = self._exact.get(label, self._spelt.get(label))
        if index is not None:
            return index
        candidates: list[int] = []
        if isinstance(value, bool):
            candidates = self._booleans[value]
        elif isinstance(value, int | float | decimal.Decimal):
            number = _number(label)
            candidates = self._numbers.get(number, []) if number is not None else []
        if len(candidates) != 1:
            raise BadValue("unknown_class", detail=label)
        return candidates[0]


def _number(text: str) -> decimal.Decimal | None:
    try:
        number = decimal.Decimal(text)
    except decimal.InvalidOperation:
        return None
    return number if number.is_finite() else None
