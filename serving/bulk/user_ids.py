"""Lists of users."""

from __future__ import annotations

from contract.errors import UsageError


def read_user_ids(path: str) -> list[str]:
    """Reads a file of users who are to be forgotten, an id a line.

    Raises:
        UsageError: It cannot be read, or names nobody.
    """
    try:
        with open(path, encoding="utf-8") as file:
            found = [line.strip() for line in file if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The users to forget, {path}: {error}. Name a text file, an id a line."
        ) from error
    if not found:
        raise UsageError(
            f"The users to forget, {path}: it has no user id. Leave it out, or add some."
        )
    return found
