"""Component that finds the pushed model that a new one is to be compatible with."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.types.standard_component_specs import TRANSFORM_GRAPH_KEY

from audit.config import KEYS, AuditConfig
from components.baseline_finder import find_trusted
from components.tunable_trainer import PREVIOUS

NO_MODEL = ""
"""In the place of a path: there is no earlier model."""

_progress = logging.getLogger("progress")


class Executor(base_executor.BaseExecutor):
    """Writes the path of the newest version that may be trusted."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Looks at the pushed versions.

        Args:
            input_dict: `transform_graph`: what the encoder will be trained on; not read.
            output_dict: `previous`: path of the version; "" if there is none.
            exec_properties: `serving_dir`: folder of versions; `config`: JSON of an `AuditConfig`;
                `training`: what else the encoder's training depends on; not read.

        Raises:
            KeyFileError: One of the keys cannot be used.
        """
        # Nothing of this run is pushed yet: every version is an earlier one.
        found = find_trusted(exec_properties["serving_dir"], "", exec_properties["config"])
        if found:
            _progress.info("compatible with version %s", found.rstrip("/").rpartition("/")[2])
        else:
            _progress.info("no earlier model to be compatible with: trains as for the first time")
        artifact_utils.get_single_instance(output_dict[PREVIOUS]).value = found or NO_MODEL


class _Spec(types.ComponentSpec):
    PARAMETERS: ClassVar[dict[str, Any]] = {
        name: component_spec.ExecutionParameter(type=str)
        for name in ("serving_dir", "config", "training")
    }
    INPUTS: ClassVar[dict[str, Any]] = {
        TRANSFORM_GRAPH_KEY: component_spec.ChannelParameter(type=standard_artifacts.TransformGraph)
    }
    OUTPUTS: ClassVar[dict[str, Any]] = {
        PREVIOUS: component_spec.ChannelParameter(type=standard_artifacts.String)
    }


class PreviousFinder(base_component.BaseComponent):
    """Finds the model that a new one is to be compatible with.

    It has the encoder's training as its input, so that it looks anew when that has to be done anew,
    and only then: a run that is repeated finds the model that it found before, not its own.

    Args:
        transform_graph: That the encoder is trained on.
        serving_dir: Folder of pushed versions; a string or a `RuntimeParameter`.
        config: By whom their audits must be signed.
        training: The encoder's configuration.
        hyperparameters: Those of it that are parameters of a run.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        transform_graph: types.BaseChannel,
        serving_dir: Any,
        config: AuditConfig,
        training: str,
        hyperparameters: Mapping[str, Any],
    ):
        super().__init__(
            _Spec(
                transform_graph=transform_graph,
                serving_dir=serving_dir,
                config=config.model_dump_json(include=KEYS),
                training=training,
                previous=types.Channel(type=standard_artifacts.String),
            )
        )
        self.exec_properties.update(hyperparameters)
