"""Names of the pipeline's steps, for the settings that the configuration may have of each."""

from __future__ import annotations

import typing
from typing import Literal

BeamStep = Literal[
    "UnlabelledExampleGen",
    "LabelledExampleGen",
    "UnlabelledStatisticsGen",
    "LabelledStatisticsGen",
    "Transform",
    "Evaluator",
    "BulkEncoder",
]
"""What Beam runs."""

BEAM_STEPS = typing.get_args(BeamStep)
TRAINERS = ("EncoderTrainer", "HeadsTrainer")
DATA_FINGERPRINT = "DataFingerprint"
LIGHT_STEPS = (
    DATA_FINGERPRINT,
    "UnlabelledSchemaGen",
    "LabelledSchemaGen",
    "UnlabelledExampleValidator",
    "LabelledExampleValidator",
    "BaselineFinder",
    "Auditor",
    "Pusher",
)
