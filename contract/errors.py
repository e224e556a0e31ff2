"""Errors that people should read: the message says what is wrong and what to do about it."""

from contract import exit_codes


class UserError(Exception):
    """What was asked failed, for a reason that the message explains.

    A command prints the message instead of a traceback and ends with `exit_code`.
    """

    exit_code = exit_codes.FAILED


class UsageError(UserError):
    """The command line, a configuration, a file or a folder that was named is wrong."""

    exit_code = exit_codes.USAGE
