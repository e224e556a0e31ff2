"""What a command says instead of a traceback."""


class UsageError(ValueError):
    """The command line, a configuration or a file is wrong; the message says what to do."""
