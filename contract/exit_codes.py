"""Exit codes of all commands."""

OK = 0
"""Done; of `run`: the blessed model is the newest served version."""

FAILED = 1
"""Something failed on the way: a component, a server, the data."""

USAGE = 2
"""The command line, the configuration, a file or a folder that was named is wrong."""

NOT_BLESSED = 3
"""The model was not blessed, and therefore not pushed."""

CANNOT_VERIFY = 4
"""Of `audit verify`: nothing is wrong, but not all could be looked at here."""

INTERRUPTED = 130
"""Ctrl-C."""

TERMINATED = 143
"""SIGTERM."""
