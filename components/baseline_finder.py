"""Component that finds the last blessed model in the serving folder, without ML Metadata.

Kubeflow Pipelines refuses TFX's Resolver. What was pushed was blessed, and its model card has the
digest of the files that were: a version whose files have it is the model to compare with.
"""

from __future__ import annotations

import json
import logging
import os
from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils

from serving.releases.model_digest import model_digest
from serving.releases.releases import MODEL_CARD
from serving.releases.versions import complete_versions, version_path

MODEL, BASELINE = "model", "baseline"


class Executor(base_executor.BaseExecutor):
    """Writes the path of the baseline."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Looks at the pushed versions.

        Args:
            input_dict: `model`: the candidate, which is never its own baseline.
            output_dict: `baseline`: path of the version; "" if there is none.
            exec_properties: `serving_dir`: folder of versions.
        """
        model = artifact_utils.get_single_instance(input_dict[MODEL])
        candidate = model_digest(path_utils.serving_model_path(model.uri))
        baseline = artifact_utils.get_single_instance(output_dict[BASELINE])
        baseline.value = find_baseline(exec_properties["serving_dir"], candidate) or ""


def find_baseline(serving_dir: str, candidate: str) -> str | None:
    """The newest version that is proven to have been blessed and is not the candidate.

    Args:
        serving_dir: Folder with one numbered folder a version.
        candidate: Digest of the candidate.

    Returns:
        Path of the version; None if there is none.
    """
    for number in reversed(complete_versions(serving_dir)):
        path = version_path(serving_dir, number)
        card = os.path.join(path, MODEL_CARD)
        if not fileio.exists(card):
            logging.warning("%s has no model card; it is passed over.", path)
            continue
        with fileio.open(card) as file:
            blessed = json.load(file)["digest"]
        digest = model_digest(path)
        if digest != blessed:
            logging.warning("%s is not what was blessed; it is passed over.", path)
        elif digest != candidate:
            return path
    return None


class _Spec(types.ComponentSpec):
    PARAMETERS: ClassVar[dict[str, Any]] = {
        "serving_dir": component_spec.ExecutionParameter(type=str)
    }
    INPUTS: ClassVar[dict[str, Any]] = {
        MODEL: component_spec.ChannelParameter(type=standard_artifacts.Model)
    }
    OUTPUTS: ClassVar[dict[str, Any]] = {
        BASELINE: component_spec.ChannelParameter(type=standard_artifacts.String)
    }


class BaselineFinder(base_component.BaseComponent):
    """Finds the model that a candidate is compared with.

    Args:
        model: The candidate.
        serving_dir: Folder of pushed versions; a string or a `RuntimeParameter`.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, model: types.BaseChannel, serving_dir: Any):
        super().__init__(
            _Spec(
                model=model,
                serving_dir=serving_dir,
                baseline=types.Channel(type=standard_artifacts.String),
            )
        )
