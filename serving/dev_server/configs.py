"""`ModelServerConfig`: read, checked, and kept to the served folders."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.dev_server.errors import invalid_argument, permission_denied


def single_model_config(name: str, base_path: str) -> model_server_config_pb2.ModelServerConfig:
    """The configuration of one model, its newest version."""
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.add(name=name, base_path=base_path, model_platform="tensorflow")
    return config


def model_config(path: str, name: str, base_path: str) -> model_server_config_pb2.ModelServerConfig:
    """Reads one model from TF Serving's `--model_config_file`.

    Args:
        path: The file.
        name: To serve the model under.
        base_path: Folder of its versions; its last part is the model's name in the file. The file's
            own folder is one of TF Serving's container.

    Returns:
        The configuration of this model alone.

    Raises:
        ValueError: If the file is no such configuration or has no such model.
    """
    with open(path, encoding="utf-8") as file:
        try:
            config = text_format.Parse(file.read(), model_server_config_pb2.ModelServerConfig())
        except text_format.ParseError as error:
            raise ValueError(f"{path} is no ModelServerConfig: {error}") from error
    models = {model.name: model for model in config.model_config_list.config}
    wanted = os.path.basename(base_path)
    if wanted not in models:
        raise ValueError(f"{path} has no model {wanted}, only {', '.join(models) or 'none'}.")
    config = single_model_config(name, base_path)
    (model,) = config.model_config_list.config
    model.model_version_policy.CopyFrom(models[wanted].model_version_policy)
    model.version_labels.update(models[wanted].version_labels)
    return config


def check(models: Iterable[model_server_config_pb2.ModelConfig]) -> None:
    """Checks a list of models as `ValidateModelConfigList` of TF Serving does.

    Raises:
        StatusError: INVALID_ARGUMENT.
    """
    names: set[str] = set()
    for model in models:
        if model.name in names:
            raise invalid_argument(
                f"Illegal to list model {model.name} multiple times in config list"
            )
        if not model.name:
            raise invalid_argument("A model in the config list has no name.")
        names.add(model.name)
        if not os.path.isabs(model.base_path) and "://" not in model.base_path:
            raise invalid_argument(
                f"Expected model {model.name} to have an absolute path or URI; got "
                f"base_path()={model.base_path}"
            )
        if not model.model_platform:
            raise invalid_argument(
                "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
                f"ModelServerConfig::model_platform, model name is {model.name}"
            )
        if model.model_platform != "tensorflow":
            raise invalid_argument(
                f"Model {model.name} requests unsupported platform {model.model_platform}"
            )


def served_folders(config: model_server_config_pb2.ModelServerConfig) -> set[str]:
    """The folders in which a server's models lie, and beside them others that it may serve."""
    return {
        os.path.dirname(os.path.realpath(model.base_path))
        for model in config.model_config_list.config
    }


def check_folders(
    config: model_server_config_pb2.ModelServerConfig, folders: Collection[str] | None
) -> None:
    """Refuses models elsewhere: whoever reaches the port could have any folder loaded.

    Args:
        config: As a client sent it.
        folders: Those that a server may serve from, as `served_folders` gives them; None: all.

    Raises:
        StatusError: PERMISSION_DENIED.
    """
    if folders is None:
        return
    for model in config.model_config_list.config:
        path = os.path.realpath(model.base_path)
        if not any(path.startswith(os.path.join(folder, "")) for folder in folders):
            raise permission_denied(
                f"Model {model.name}: base_path {model.base_path} is not below "
                f"{' or '.join(sorted(folders)) or 'a served folder'}; start the server with "
                "--reload-from-any-folder to allow it."
            )
