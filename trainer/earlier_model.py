"""What the encoder's training and that of the heads both know of the model before."""

import os

import tensorflow as tf

from contract.errors import UserError

STATE_FILE = os.path.join("assets.extra", "encoder_state.npz")
"""The encoder's weights in the folder of an exported model; TF Serving passes over it."""


class WarmStartError(UserError):
    """The earlier model cannot be gone on from; the message says what to do."""


def check_there(path: str) -> None:
    """Sees that the earlier model has not been removed since it was found.

    Args:
        path: Folder of an exported model.

    Raises:
        WarmStartError: It is there no more.
    """
    if not tf.io.gfile.exists(path):
        raise WarmStartError(
            f"{path}, which this model is to be compatible with, is there no more. Run again with "
            "--no-cache, which looks for the newest one."
        )
