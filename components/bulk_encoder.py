"""The component that encodes all users of the logs with the model that was pushed."""

from __future__ import annotations

import json
import os
from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, component_spec, standard_artifacts

from serving.bulk.config import EncodingConfig
from serving.bulk.encoding import encode_events
from serving.bulk.publish import publish_vectors

PUSHED_MODEL, VECTORS, PUBLISH = "pushed_model", "vectors", "publish"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs `serving.bulk.encoding` on the pushed version."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Encodes, unless nothing was pushed.

        Args:
            input_dict: `pushed_model`, as the Pusher gives it.
            output_dict: `vectors`: Parquet files (see `serving.bulk.vectors`); gets the model's
                version as a custom property, or none if there is no pushed model.
            exec_properties: `input_base`: folder of the logs; `events`: JSON list of paths or
                patterns in it; `config`: JSON of an `EncodingConfig`; `publish`: folder of a store
                to which the files are copied as well, or None.

        Raises:
            DataError: If the events cannot be read.
            StoreError: If the store refuses.
        """
        pushed = artifact_utils.get_single_instance(input_dict[PUSHED_MODEL])
        vectors = artifact_utils.get_single_instance(output_dict[VECTORS])
        if not pushed.get_int_custom_property("pushed"):
            # KFP fails a step that leaves an output out; readers of Parquet pass over the name.
            fileio.makedirs(vectors.uri)
            with fileio.open(os.path.join(vectors.uri, "_NOT_PUSHED"), "w") as file:
                file.write("No model was pushed, so no user was encoded.\n")
            return
        summary = encode_events(
            [
                os.path.join(exec_properties["input_base"], pattern)
                for pattern in json.loads(exec_properties["events"])
            ],
            pushed.get_string_custom_property("pushed_destination"),
            vectors.uri,
            EncodingConfig.model_validate_json(exec_properties["config"]),
            self._make_beam_pipeline,
        )
        vectors.set_string_custom_property("model_version", str(summary["model_version"]))
        if folder := exec_properties.get(PUBLISH):
            published = publish_vectors(vectors.uri, folder)
            vectors.set_string_custom_property("published", published)


class _Spec(types.ComponentSpec):
    PARAMETERS: ClassVar[dict[str, Any]] = {
        "input_base": component_spec.ExecutionParameter(type=str),
        "events": component_spec.ExecutionParameter(type=str),
        "config": component_spec.ExecutionParameter(type=str),
        PUBLISH: component_spec.ExecutionParameter(type=str, optional=True),
    }
    INPUTS: ClassVar[dict[str, Any]] = {
        PUSHED_MODEL: component_spec.ChannelParameter(type=standard_artifacts.PushedModel)
    }
    OUTPUTS: ClassVar[dict[str, Any]] = {
        VECTORS: component_spec.ChannelParameter(type=standard_artifacts.InferenceResult)
    }


class BulkEncoder(base_beam_component.BaseBeamComponent):
    """Encodes all users of event logs with the pushed model, to Parquet.

    Args:
        pushed_model: The Pusher's output.
        input_base: Folder of the event files; a string or a `RuntimeParameter`.
        events: Paths or patterns of the event files, relative to it.
        config: Columns, periods, sizes.
        publish: Folder of a store to which the files are copied as well, or None.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        pushed_model: types.BaseChannel,
        input_base: Any,
        events: list[str],
        config: EncodingConfig,
        publish: str | None = None,
    ):
        super().__init__(
            _Spec(
                pushed_model=pushed_model,
                input_base=input_base,
                events=json.dumps(events),
                config=config.model_dump_json(),
                publish=publish,
                vectors=types.Channel(type=standard_artifacts.InferenceResult),
            )
        )
