"""Carries the configuration from the component to its executor, through TFX's `custom_config`.

It is an execution property there, so a change of the configuration invalidates TFX's cache.
"""

from collections.abc import Mapping

import pydantic
from google.protobuf import json_format, struct_pb2
from tfx.proto import example_gen_pb2

from ingestion.config import IngestionConfig, Task


class _Content(pydantic.BaseModel, extra="forbid"):
    config: IngestionConfig
    tasks: dict[str, Task]


def pack(config: IngestionConfig, tasks: Mapping[str, Task]) -> example_gen_pb2.CustomConfig:
    """Returns the message that holds the configuration.

    Args:
        config: How files become examples.
        tasks: Name -> task; empty for unlabelled examples.
    """
    content = _Content(config=config, tasks=dict(tasks))
    struct = json_format.ParseDict(content.model_dump(mode="json"), struct_pb2.Struct())
    message = example_gen_pb2.CustomConfig()
    message.custom_config.Pack(struct)
    return message


def unpack(text: str) -> tuple[IngestionConfig, dict[str, Task]]:
    """Returns the configuration and the tasks, by name in the order of the names.

    Args:
        text: The message of `pack` as JSON.
    """
    message = json_format.Parse(text, example_gen_pb2.CustomConfig())
    struct = struct_pb2.Struct()
    message.custom_config.Unpack(struct)
    content = _Content.model_validate(json_format.MessageToDict(struct))
    return content.config, dict(sorted(content.tasks.items()))
