"""All models of a server: configuration, labels, and the way from a request to a version."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from tensorflow_serving.apis import get_model_metadata_pb2, model_pb2
from tensorflow_serving.config import model_server_config_pb2

from contract.signatures import SERVING_DEFAULT
from serving.dev_server import configs, inference, json_tensors, tensors
from serving.dev_server.batching import Batcher
from serving.dev_server.errors import (
    StatusError,
    failed_precondition,
    invalid_argument,
    not_found,
)
from serving.dev_server.metrics import Metrics
from serving.dev_server.options import ServerOptions
from serving.dev_server.versions import ModelVersions, Version, missing


class ServerCore:
    """What the gRPC and the REST interface have in common.

    Args:
        options: The server's settings.
        metrics: The server's metrics.
    """

    def __init__(self, options: ServerOptions, metrics: Metrics):
        self.metrics = metrics
        self._options = options
        self._models: dict[str, ModelVersions] = {}
        self._reloading = asyncio.Lock()
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self._batcher = Batcher(options.batching, options.enable_batching, metrics)

    async def reload(
        self,
        config: model_server_config_pb2.ModelServerConfig,
        folders: Collection[str] | None = None,
    ) -> None:
        """Makes the server serve these models and no others, and waits until they are loaded.

        Args:
            config: The models.
            folders: Below which they must lie; None: anywhere.

        Raises:
            StatusError: INVALID_ARGUMENT for what this server cannot serve, PERMISSION_DENIED for
                models elsewhere: nothing has changed then. FAILED_PRECONDITION for labels of
                versions that are not loaded: everything else of `config` is in force then.
        """
        async with self._reloading:
            configs.check(config.model_config_list.config)
            configs.check_folders(config, folders)
            await self._reload(config)

    async def poll(self) -> None:
        """Looks for new and vanished versions of all models."""
        for model in list(self._models.values()):
            await model.poll()

    async def _reload(self, config: model_server_config_pb2.ModelServerConfig) -> None:
        models = config.model_config_list.config
        for name in set(self._models) - {model.name for model in models}:
            await self._models.pop(name).close()
        for model in models:
            if model.name in self._models:
                await self._models[model.name].configure(model)
            else:
                self._models[model.name] = ModelVersions(
                    model, self._options, self._loader, self.metrics
                )
        await self.poll()
        for model in models:
            for label, number in model.version_labels.items():
                if self._models[model.name].labels.get(label) != number:
                    raise failed_precondition(
                        f"Request to assign label to version {number} of model {model.name}, "
                        "which is not currently available for inference"
                    )

    @contextlib.contextmanager
    def use(self, spec: model_pb2.ModelSpec) -> Iterator[Version]:
        """The version that a request means, kept loaded for as long as the context lasts.

        Raises:
            StatusError: NOT_FOUND or INVALID_ARGUMENT.
        """
        kind = spec.WhichOneof("version_choice")
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        model = self._models.get(spec.name)
        number = spec.version.value if kind == "version" else None
        if kind == "version_label":
            labels = {} if model is None else model.labels
            if spec.version_label not in labels:
                raise invalid_argument(f"Unrecognized servable version label: {spec.version_label}")
            number = labels[spec.version_label]
        if model is None:
            raise missing(spec.name, number)
        with model.use(number) as version:
            yield version

    async def predict(self, request, response) -> None:
        """Answers a `PredictRequest`.

        Raises:
            StatusError: If it cannot.
        """
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        with self.use(request.model_spec) as version:
            name, inputs, outputs = version.loaded.parse(request)
            arrays = await self._batcher.run(version.loaded, name, inputs, outputs)
            response.model_spec.name = request.model_spec.name
            response.model_spec.version.value = version.number
            response.model_spec.signature_name = name
        for alias, array in arrays.items():
            tensors.fill_proto(response.outputs[alias], array)

    async def predict_json(
        self, spec: model_pb2.ModelSpec, document: Mapping[str, Any]
    ) -> dict[str, np.ndarray]:
        """Answers a predict request of the REST interface.

        Args:
            spec: Model, version and signature.
            document: The request's JSON.

        Returns:
            Output to array.

        Raises:
            StatusError: If it cannot.
        """
        with self.use(spec) as version:
            name = spec.signature_name or SERVING_DEFAULT
            signature = version.loaded.signatures.get(name)
            if signature is None:
                # In other words, and with another code, than by gRPC; so does TF Serving.
                raise invalid_argument(
                    f'Serving signature name: "{name}" not found in signature def'
                )
            inputs = json_tensors.inputs_of(document, signature.inputs)
            version.loaded.check(name, inputs)
            return await self._batcher.run(
                version.loaded, name, inputs, tuple(sorted(signature.outputs))
            )

    def refuse(self, method: str, spec: model_pb2.ModelSpec) -> StatusError:
        """Why a model cannot classify or regress.

        Args:
            method: `inference.CLASSIFY` or `inference.REGRESS`.
            spec: Model, version and signature.
        """
        with self.use(spec) as version:
            return inference.refuse(method, spec.signature_name, version.loaded.signatures)

    def refuse_tasks(self, tasks) -> StatusError:
        """Why a model cannot do the tasks of a `MultiInferenceRequest`."""
        spec = tasks[0].model_spec if tasks else model_pb2.ModelSpec()
        with self.use(spec) as version:
            return inference.refuse_tasks(tasks, version.loaded.signatures)

    def metadata(self, request, response) -> None:
        """Answers a `GetModelMetadataRequest`.

        Raises:
            StatusError: If it cannot.
        """
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid_argument(
                "GetModelMetadataRequest must specify at least one metadata_field"
            )
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid_argument(f"Metadata field {field} is not supported")
        with self.use(request.model_spec) as version:
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for name, signature in version.loaded.signatures.items():
                signatures.signature_def[name].CopyFrom(signature)
            response.model_spec.name = request.model_spec.name
            response.model_spec.version.value = version.number
            response.metadata["signature_def"].Pack(signatures)

    def status(self, request, response) -> None:
        """Answers a `GetModelStatusRequest`.

        Raises:
            StatusError: If it cannot.
        """
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        spec = request.model_spec
        states = self._models[spec.name].states() if spec.name in self._models else []
        if spec.HasField("version"):
            states = [each for each in states if each.number == spec.version.value]
            if not states:
                raise not_found(f"Could not find version {spec.version.value} of model {spec.name}")
        if not states:
            raise not_found(f"Could not find any versions of model {spec.name}")
        for version in states:
            status = response.model_version_status.add(version=version.number, state=version.state)
            status.status.SetInParent()
            if version.error:
                status.status.error_code = version.error.number
                status.status.error_message = version.error.message

    def is_ready(self) -> bool:
        """Whether every model has a version that answers."""
        return all(model.available() for model in self._models.values())

    def known(self, name: str) -> str:
        """The model's name for metrics; names that anybody may invent are one."""
        return name if name in self._models else "unknown"

    async def close(self) -> None:
        """Unloads all models and ends the threads."""
        for model in self._models.values():
            await model.close()
        await asyncio.to_thread(self._batcher.close)
        self._loader.shutdown()
