"""Component that finds the last blessed model in the serving folder, without ML Metadata.

Kubeflow Pipelines refuses TFX's Resolver.
"""

from __future__ import annotations

from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils

from serving.releases.baseline import find_baseline
from serving.releases.model_digest import model_digest

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
