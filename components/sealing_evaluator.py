"""Evaluator that seals what it blesses: the blessing carries the digest of the model's files."""

from __future__ import annotations

import tempfile
from typing import Any

from tfx import types
from tfx.components import Evaluator
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as evaluator_executor
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils, standard_artifacts, standard_component_specs
from tfx.utils import io_utils, path_utils

from serving.releases.model_digest import MODEL_DIGEST_PROPERTY, model_digest

BASELINE_URI = "baseline_uri"


class Executor(evaluator_executor.Executor):
    """TFX's executor; the digest is taken before the evaluation reads the model."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See base class.

        Args:
            input_dict: As TFX's.
            output_dict: As TFX's; the blessing gets the digest.
            exec_properties: As TFX's, and `baseline_uri`: a pushed version to compare with, in
                place of the input `baseline_model`; without or "": none.
        """
        model = artifact_utils.get_single_instance(input_dict[standard_component_specs.MODEL_KEY])
        digest = model_digest(path_utils.serving_model_path(model.uri))
        blessing = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.BLESSING_KEY]
        )
        baseline_uri = exec_properties.pop(BASELINE_URI, "")
        if baseline_uri:
            with tempfile.TemporaryDirectory() as folder:
                baseline = standard_artifacts.Model()
                baseline.uri = folder
                # A pushed version lacks the folder that TFX expects around a model.
                io_utils.copy_dir(baseline_uri, path_utils.serving_model_dir(folder))
                baselines = {standard_component_specs.BASELINE_MODEL_KEY: [baseline]}
                super().Do({**input_dict, **baselines}, output_dict, exec_properties)
            # The baseline is no artifact that anyone could look up.
            del blessing.mlmd_artifact.custom_properties[
                constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY
            ]
            blessing.set_string_custom_property(
                constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline_uri
            )
        else:
            super().Do(input_dict, output_dict, exec_properties)
        blessing.set_string_custom_property(MODEL_DIGEST_PROPERTY, digest)


class SealingEvaluator(Evaluator):
    """TFX's Evaluator with the sealing executor.

    Args:
        baseline_uri: Path of a pushed version to compare with, as a channel's placeholder; where
            the baseline is no artifact.
        **kwargs: Arguments of TFX's `Evaluator`.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, *, baseline_uri: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        if baseline_uri is not None:
            self.exec_properties[BASELINE_URI] = baseline_uri
