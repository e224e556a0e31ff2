"""What the encoder's training and that of the heads both know of the model before."""

import os

from contract.errors import UserError

STATE_FILE = os.path.join("assets.extra", "encoder_state.npz")
"""The encoder's weights in the folder of an exported model; TF Serving passes over it."""


class WarmStartError(UserError):
    """The earlier model cannot be gone on from; the message says what to do."""
