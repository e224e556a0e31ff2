"""The component's input files, from TFX's execution properties."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs
from tfx.utils import proto_utils


def input_patterns(exec_properties: Mapping[str, Any]) -> dict[str, str]:
    """Returns kind of file -> path or pattern.

    Args:
        exec_properties: With `input_base` and `input_config`, as JSON.
    """
    input_config = example_gen_pb2.Input()
    proto_utils.json_to_proto(
        exec_properties[standard_component_specs.INPUT_CONFIG_KEY], input_config
    )
    base = exec_properties[standard_component_specs.INPUT_BASE_KEY]
    return {split.name: os.path.join(base, split.pattern) for split in input_config.splits}
