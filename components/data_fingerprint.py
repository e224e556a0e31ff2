"""Component that tells whether the input files changed, where no driver of TFX looks at them.

Its result is a parameter of the components that read the files: the same files, the same
parameter, and what was read from them earlier is used again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts

from ingestion.files import fingerprint_of, match_files

FINGERPRINT = "fingerprint"


class Executor(base_executor.BaseExecutor):
    """Hashes names, sizes and times of the files; does not read them."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the fingerprint.

        Args:
            input_dict: Empty.
            output_dict: `fingerprint`: 64 hexadecimal digits.
            exec_properties: `input_base`: folder; `patterns`: JSON object, kind of file
                -> file, folder or pattern in it.

        Raises:
            DataError: If a pattern matches nothing, or files cannot be used.
        """
        del input_dict
        base = exec_properties["input_base"]
        patterns = json.loads(exec_properties["patterns"])
        fingerprint = artifact_utils.get_single_instance(output_dict[FINGERPRINT])
        fingerprint.value = fingerprint_of(
            match_files({kind: os.path.join(base, path) for kind, path in patterns.items()})
        )


class _Spec(types.ComponentSpec):
    PARAMETERS: ClassVar[dict[str, Any]] = {
        "input_base": component_spec.ExecutionParameter(type=str),
        "patterns": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, Any]] = {}
    OUTPUTS: ClassVar[dict[str, Any]] = {
        FINGERPRINT: component_spec.ChannelParameter(type=standard_artifacts.String)
    }


class DataFingerprint(base_component.BaseComponent):
    """Looks at the input files.

    Args:
        input_base: Folder of the files; a string or a `RuntimeParameter`.
        patterns: Kind of file -> file, folder or pattern, relative to it.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, input_base: Any, patterns: Mapping[str, str]):
        super().__init__(
            _Spec(
                input_base=input_base,
                patterns=json.dumps(dict(patterns)),
                fingerprint=types.Channel(type=standard_artifacts.String),
            )
        )
