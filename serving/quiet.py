"""Keeps TensorFlow from talking to the person at the terminal."""

from __future__ import annotations

import logging
import os
import warnings


def quiet_tensorflow() -> None:
    """Hides what TensorFlow, TFX and their clients say about hardware and versions.

    To be called before they are imported.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore", FutureWarning)
