"""Evaluator that seals what it blesses: the blessing carries the digest of the model's files.

It also says where the evaluation is, for the model card.
"""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components import Evaluator
from tfx.components.evaluator import executor as evaluator_executor
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import path_utils

from components.model_digest import MODEL_DIGEST_PROPERTY, model_digest

EVALUATION_PROPERTY = "evaluation_uri"
"""Custom property of the blessing: the folder of TFMA's results."""


class Executor(evaluator_executor.Executor):
    """TFX's executor; the digest is taken before the evaluation reads the model."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See base class."""
        model = artifact_utils.get_single_instance(input_dict[standard_component_specs.MODEL_KEY])
        digest = model_digest(path_utils.serving_model_path(model.uri))
        super().Do(input_dict, output_dict, exec_properties)
        blessing = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.BLESSING_KEY]
        )
        evaluation = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.EVALUATION_KEY]
        )
        blessing.set_string_custom_property(MODEL_DIGEST_PROPERTY, digest)
        blessing.set_string_custom_property(EVALUATION_PROPERTY, evaluation.uri)


class SealingEvaluator(Evaluator):
    """TFX's Evaluator with the sealing executor."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
