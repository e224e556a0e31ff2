"""What can be wrong with the data: of one value (`BadValue`) or of the whole run (`DataError`)."""

from contract.errors import UserError

REMEDIES = {
    "invalid_json": "Write one JSON object a line.",
    "not_an_object": 'Write one JSON object a line, as {"user_id": ..., "timestamp": ...}.',
    "invalid_utf8": "Re-encode the file as UTF-8, as `iconv -f WINDOWS-1252 -t UTF-8 FILE`.",
    "line_too_long": "Write one record a line: of a JSON array, `jq -c '.[]'` makes lines.",
    "malformed_csv": "Quote fields that hold commas, quotes or line breaks, and double the quotes.",
    "missing_user_id": "Give every line a user id, or remove the line.",
    "bad_user_id": "Write user ids as strings or whole numbers; of a nested column name the field "
    "in `data.columns`, as `user.id`.",
    "user_id_lost_digits": "A float cannot hold it: write user ids as strings or integers.",
    "missing_timestamp": "Give every line a timestamp, or remove the line.",
    "bad_timestamp": "Write Unix seconds or ISO 8601, as 2024-01-31T12:00:00Z.",
    "bad_moment": "Write a date, as 2024-01-31 or 2024-01-31T12:00:00Z, or Unix seconds.",
    "negative_timestamp": "Write Unix seconds from 1970 on.",
    "timestamp_of_another_unit": "Write all timestamps of a file alike, and name their unit in "
    "`data.timestamp_unit` if they are taken for something else.",
    "missing_text": "Give every behaviour a text, or remove the line.",
    "bad_text": "Write the text of a behaviour as a string; of a nested column name the field in "
    "`data.columns`, as `event.text`.",
    "bad_name": "Write types as strings or whole numbers, null where there is none; of a nested "
    "column name the field in `data.columns`, as `event.type`.",
    "bad_number": "Write a number, as 19.99, without signs of currency or thousands, null where "
    "there is none.",
    "unknown_class": "Correct the label, or add its class to the task's `classes`.",
    "unknown_split": "Write train, validation or eval, or leave the cell empty.",
    "duplicate_label": "Keep one label row a user; the first one counts.",
}


class DataError(UserError):
    """The data cannot be used: the message says what, where and what to do about it."""


class BadValue(ValueError):  # noqa: N818 - readers yield it too, in place of the values
    """One record cannot be used.

    Args:
        reason: Why, one of the keys of `REMEDIES`.
        value: The offending value, whose beginning is quoted in the message.
        detail: What else is known, instead of a value.
        column: The key in `data.columns` of the value's column, where the reason does not say it.
    """

    def __init__(self, reason: str, value: object = None, detail: str = "", column: str = ""):
        self.reason = reason
        self.detail = detail if value is None else f"{value!r:.80}"
        if column:
            self.detail = f"{column}={self.detail}"
        super().__init__(describe(self.reason, self.detail))


def describe(reason: str, detail: str) -> str:
    """Returns what is wrong with a record, and the remedy, as two sentences."""
    problem = reason.replace("_", " ") + (f": {detail}" if detail else "")
    return f"{problem}. {REMEDIES[reason]}"
