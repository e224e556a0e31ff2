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
ENCODER_TRAINER = "EncoderTrainer"
TRAINERS = (ENCODER_TRAINER, "HeadsTrainer")
DATA_FINGERPRINT = "DataFingerprint"
RESULTS = "Results"
"""Kubeflow's step that shows the evaluation in KFP's interface."""
NOTIFIER = "Notifier"
"""Kubeflow's step that tells a webhook how a run ended."""
LIGHT_STEPS = (
    DATA_FINGERPRINT,
    "UnlabelledSchemaGen",
    "LabelledSchemaGen",
    "UnlabelledExampleValidator",
    "LabelledExampleValidator",
    "PreviousFinder",
    "BaselineFinder",
    "Auditor",
    RESULTS,
    "Pusher",
    NOTIFIER,
)
