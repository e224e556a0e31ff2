"""Error of the commands that change what is served."""

from contract.errors import UsageError


class ReleaseError(UsageError):
    """What was asked cannot be done; the message says what can."""
