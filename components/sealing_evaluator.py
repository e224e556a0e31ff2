"""Evaluator that seals what it blesses: the blessing carries the digest of the model's files.

Beside TFMA's files it leaves what both models say of every evaluated user, the evidence behind the
audit's figures, and compares the models by the paired interval of their AUCs, which TFMA lacks.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any

from tfx import types
from tfx.components import Evaluator
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as evaluator_executor
from tfx.dsl.components.base import executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts, standard_component_specs
from tfx.utils import io_utils, path_utils

from audit.config import Gate
from audit.gate import compare_with_baseline, is_refused, write_comparison
from audit.predictions import PREDICTIONS_FILE, write_predictions
from audit.pseudonyms import user_key
from audit.scoring import score_users
from audit.vectors_file import VECTORS_FILE, write_vectors
from contract.splits import EVAL
from serving.releases.model_digest import MODEL_DIGEST_PROPERTY, model_digest

BASELINE_URI, GATE, USER_KEY = "baseline_uri", "gate", "user_key"


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
                place of the input `baseline_model`; without or "": none; `gate`: JSON of an
                `audit.config.Gate`; `user_key`: JSON list of the arguments of
                `audit.pseudonyms.user_key`.
        """
        gate = Gate.model_validate_json(exec_properties.pop(GATE))
        key = user_key(*json.loads(exec_properties.pop(USER_KEY)))
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
                input_dict = {**input_dict, **baselines}
                super().Do(input_dict, output_dict, exec_properties)
                _compare(input_dict, output_dict, gate, key)
            # The baseline is no artifact that anyone could look up.
            del blessing.mlmd_artifact.custom_properties[
                constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY
            ]
            blessing.set_string_custom_property(
                constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline_uri
            )
        else:
            super().Do(input_dict, output_dict, exec_properties)
            _compare(input_dict, output_dict, gate, key)
        blessing.set_string_custom_property(MODEL_DIGEST_PROPERTY, digest)


def _compare(
    input_dict: dict[str, list[types.Artifact]],
    output_dict: dict[str, list[types.Artifact]],
    gate: Gate,
    key: bytes,
) -> None:
    """Scores every user, compares the models, and takes the blessing back if that refuses."""
    model = artifact_utils.get_single_instance(input_dict[standard_component_specs.MODEL_KEY])
    baselines = input_dict.get(standard_component_specs.BASELINE_MODEL_KEY)
    examples = input_dict[standard_component_specs.EXAMPLES_KEY]
    evaluation = artifact_utils.get_single_uri(output_dict[standard_component_specs.EVALUATION_KEY])
    predictions, vectors = score_users(
        io_utils.all_files_pattern(artifact_utils.get_split_uri(examples, EVAL)),
        {task: len(classes) for task, classes in gate.classes.items()},
        path_utils.serving_model_path(model.uri),
        path_utils.serving_model_path(baselines[0].uri) if baselines else None,
        key,
    )
    write_predictions(predictions, os.path.join(evaluation, PREDICTIONS_FILE))
    write_vectors(vectors, os.path.join(evaluation, VECTORS_FILE))
    compared = compare_with_baseline(predictions, gate)
    write_comparison(compared, evaluation)
    blessing = artifact_utils.get_single_instance(
        output_dict[standard_component_specs.BLESSING_KEY]
    )
    is_blessed = blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY)
    if is_blessed == constants.BLESSED_VALUE and is_refused(compared, gate):
        blessing.set_int_custom_property(
            constants.ARTIFACT_PROPERTY_BLESSED_KEY, constants.NOT_BLESSED_VALUE
        )
        fileio.remove(os.path.join(blessing.uri, constants.BLESSED_FILE_NAME))
        io_utils.write_string_file(os.path.join(blessing.uri, constants.NOT_BLESSED_FILE_NAME), "")


class SealingEvaluator(Evaluator):
    """TFX's Evaluator with the sealing executor.

    Args:
        baseline_uri: Path of a pushed version to compare with, as a channel's placeholder; where
            the baseline is no artifact.
        gate: What a model must reach.
        user_key: Arguments of `audit.pseudonyms.user_key`.
        **kwargs: Arguments of TFX's `Evaluator`.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        gate: Gate,
        user_key: tuple[str | None, str],
        baseline_uri: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.exec_properties[GATE] = gate.model_dump_json()
        self.exec_properties[USER_KEY] = json.dumps(user_key)
        if baseline_uri is not None:
            self.exec_properties[BASELINE_URI] = baseline_uri
