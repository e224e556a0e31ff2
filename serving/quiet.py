"""Keeps TensorFlow from talking to the person at the terminal."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator


def quiet_tensorflow() -> None:
    """Imports TensorFlow, without what it, TFX and their clients say of hardware and versions.

    To be called before anything else imports them.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore", FutureWarning)
    with _stderr_of_python_alone():
        import tensorflow  # noqa: F401


@contextlib.contextmanager
def _stderr_of_python_alone() -> Iterator[None]:
    """Drops what C++ writes to stderr.

    While it is imported, TensorFlow 2.21 writes there whatever TF_CPP_MIN_LOG_LEVEL says.
    """
    try:
        python_writes_there = sys.stderr.fileno() == 2
        kept = os.dup(2)
    except (AttributeError, OSError):  # there is no stderr, or it is something in memory
        yield
        return
    with open(kept, "w", buffering=1) as terminal, contextlib.ExitStack() as undo:
        if python_writes_there:
            sys.stderr.flush()
            undo.enter_context(contextlib.redirect_stderr(terminal))
        undo.callback(os.dup2, kept, 2)
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
