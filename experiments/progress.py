"""What the code below says of its progress, shown to who runs an experiment."""

import logging


def show_progress() -> None:
    """Writes the lines of the logger `progress` to standard error; twice called, once."""
    progress = logging.getLogger("progress")
    progress.setLevel(logging.INFO)
    progress.propagate = False
    if not progress.handlers:
        progress.addHandler(logging.StreamHandler())
