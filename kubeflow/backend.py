"""What the pipeline has on a cluster in place of this machine's files and ML Metadata."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import BaseChannel

from audit.config import AuditConfig
from components.baseline_finder import BASELINE, BaselineFinder
from components.data_fingerprint import FINGERPRINT, DataFingerprint
from kubeflow.paths import Paths
from pipeline.backend import Backend, Part
from pipeline.config import PipelineConfig

DESCRIPTIONS = {
    "data": "Folder that the events and labels lie in, as the containers see it.",
    "serving_dir": "Folder that a blessed model is pushed to, as a numbered version.",
    "encoder_batch_size": "Users in a batch of the encoder's training.",
    "encoder_learning_rate": "Adam's learning rate in the encoder's training.",
    "encoder_max_epochs": "Epochs after which the encoder's training ends at the latest.",
    "heads_batch_size": "Users in a batch of the heads' training.",
    "heads_learning_rate": "Adam's learning rate in the heads' training.",
    "heads_max_epochs": "Epochs after which the heads' training ends at the latest.",
}
"""Pipeline parameter -> what the form says of it."""


@dataclasses.dataclass(frozen=True)
class KubeflowBackend(Backend):
    """Containers on a cluster: parameters in a form, no Resolver, no driver before a step.

    Attributes:
        paths: What becomes of the configuration's paths.
        audit: By whom the audits of pushed versions must be signed, as the steps see it.
        parameters: Of the pipeline, name -> `RuntimeParameter`; filled while it is wired.
    """

    paths: Paths = dataclasses.field(kw_only=True)
    audit: AuditConfig = dataclasses.field(kw_only=True)
    parameters: dict[str, RuntimeParameter] = dataclasses.field(default_factory=dict)

    def as_steps_see_it(self, config: PipelineConfig) -> PipelineConfig:
        """See base class."""
        return self.paths.as_steps_see_it(config)

    def parameter(self, name: str, value: Any) -> RuntimeParameter:
        """See base class."""
        return self.parameters.setdefault(
            name, RuntimeParameter(name, type(value), value, DESCRIPTIONS[name])
        )

    def data_fingerprint(self, input_base: Any, patterns: Mapping[str, str]) -> Part:
        """See base class."""
        node = DataFingerprint(input_base, patterns)
        return Part(node, {"fingerprint": node.outputs[FINGERPRINT].future()[0].value})

    def baseline(self, candidate: BaseChannel) -> Part:
        """See base class."""
        node = BaselineFinder(
            candidate, self.parameter("serving_dir", self.serving_dir), self.audit
        )
        return Part(node, {"baseline_uri": node.outputs[BASELINE].future()[0].value})
