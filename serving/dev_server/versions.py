"""The versions of one model: found on disk, loaded, swapped, unloaded."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import TypeAlias

from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.config import file_system_storage_path_source_pb2, model_server_config_pb2

from serving.dev_server.errors import StatusError, not_found
from serving.dev_server.metrics import Metrics
from serving.dev_server.model import LoadedModel
from serving.dev_server.options import ServerOptions
from serving.releases.versions import complete_versions, version_path

_log = logging.getLogger(__name__)

_State = get_model_status_pb2.ModelVersionStatus.State
_Policy: TypeAlias = (
    file_system_storage_path_source_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy
)
_KEPT_ENDED = 20


@dataclasses.dataclass
class Version:
    """One version and its state.

    Attributes:
        number: The folder's name.
        state: As `GetModelStatus` tells it.
        model: The model while it is loaded.
        error: Why it could not be loaded.
        attempts: How often loading was tried.
        users: Requests that run on it.
    """

    number: int
    state: int = _State.START
    model: LoadedModel | None = None
    error: StatusError | None = None
    attempts: int = 0
    users: int = 0

    @property
    def loaded(self) -> LoadedModel:
        """The model; to be asked for only while the version is in use or available."""
        if self.model is None:
            raise RuntimeError(f"Version {self.number} is not loaded.")
        return self.model


class ModelVersions:
    """Keeps the right versions of one model loaded.

    A new version is loaded and warmed up beside the old one, which is unloaded only afterwards and
    when the last request on it is answered: TF Serving's `AvailabilityPreservingPolicy`. All
    methods belong to one event loop; loading happens in `loader`.

    Args:
        config: Name, folder, labels and policy: the newest (default), some, or all versions.
        options: Attempts and threads.
        loader: Where models are loaded.
        metrics: Gets the loaded versions.
    """

    def __init__(
        self,
        config: model_server_config_pb2.ModelConfig,
        options: ServerOptions,
        loader: Executor,
        metrics: Metrics,
    ):
        self.name = config.name
        self.labels: dict[str, int] = {}
        self._config = config
        self._options = options
        self._loader = loader
        self._metrics = metrics
        self._versions: dict[int, Version] = {}
        self._busy = asyncio.Lock()
        self._is_closed = False

    async def configure(self, config: model_server_config_pb2.ModelConfig) -> None:
        """Takes another folder, policy or labels; `poll` acts on it."""
        async with self._busy:
            if config.base_path != self._config.base_path:
                self.labels = {}
                await self._unload(list(self._versions.values()))
            self._config = config

    async def poll(self) -> None:
        """Loads what should be loaded, then unloads what should not."""
        async with self._busy:
            if self._is_closed:
                return
            aspired = await asyncio.get_running_loop().run_in_executor(self._loader, self._aspired)
            for number in aspired:
                version = self._versions.get(number)
                if version is None or (version.model is None and version.error is None):
                    version = self._versions[number] = Version(number)
                if version.model is None and version.attempts < self._options.max_load_attempts:
                    await self._load(version)
            self._move_labels()
            if any(self._is_available(number) for number in aspired):
                kept = {*aspired, *self.labels.values()}
                await self._unload(
                    [each for each in self._versions.values() if each.number not in kept]
                )
            for number in {*self._ended()[:-_KEPT_ENDED], *self._broken_and_gone(aspired)}:
                del self._versions[number]

    async def close(self) -> None:
        """Unloads everything, for good."""
        async with self._busy:
            self._is_closed = True
            await self._unload(list(self._versions.values()))

    @contextlib.contextmanager
    def use(self, number: int | None = None) -> Iterator[Version]:
        """Keeps a version loaded for as long as the context lasts.

        Args:
            number: Which version; None: the newest that is loaded.

        Raises:
            StatusError: NOT_FOUND, if it is not loaded.
        """
        available = [each for each in self._versions if self._is_available(each)]
        if not available or (number is not None and number not in available):
            raise missing(self.name, number)
        version = self._versions[max(available) if number is None else number]
        version.users += 1
        try:
            yield version
        finally:
            version.users -= 1

    def available(self) -> list[int]:
        """The versions that answer."""
        return sorted(number for number in self._versions if self._is_available(number))

    def states(self) -> list[Version]:
        """All versions that were ever loaded or tried, newest first as TF Serving lists them."""
        return [self._versions[number] for number in sorted(self._versions, reverse=True)]

    def _move_labels(self) -> None:
        """Follows the configuration; a label stays where it is until its new version answers."""
        self.labels = {
            label: number if self._is_available(number) else self.labels[label]
            for label, number in self._config.version_labels.items()
            if self._is_available(number) or label in self.labels
        }

    def _is_available(self, number: int) -> bool:
        return number in self._versions and self._versions[number].state == _State.AVAILABLE

    def _ended(self) -> list[int]:
        return sorted(number for number, each in self._versions.items() if each.state == _State.END)

    def _broken_and_gone(self, aspired: list[int]) -> list[int]:
        """Versions that could not be loaded and went away; they may come back mended."""
        return [
            number
            for number, each in self._versions.items()
            if each.error is not None and number not in aspired
        ]

    def _aspired(self) -> list[int]:
        """The complete versions on disk that the policy wants, oldest first."""
        numbers = complete_versions(self._config.base_path)
        policy: _Policy = self._config.model_version_policy
        if policy.HasField("specific"):
            return [number for number in numbers if number in policy.specific.versions]
        if policy.HasField("all"):
            return numbers
        return numbers[-(policy.latest.num_versions or 1) :]

    async def _load(self, version: Version) -> None:
        version.state, version.error = _State.LOADING, None
        version.attempts += 1
        path = version_path(self._config.base_path, version.number)
        loop = asyncio.get_running_loop()
        try:
            version.model = await loop.run_in_executor(self._loader, self._load_and_warm_up, path)
        except Exception as error:
            # Whatever is wrong with a folder, the versions that are loaded go on.
            version.state, version.error = _State.END, _as_status(error)
            self._metrics.loads.labels(self.name, "failed").inc()
            _log.error("%s version %d: %s", self.name, version.number, version.error.message)
            return
        version.state = _State.AVAILABLE
        self._metrics.loads.labels(self.name, "loaded").inc()
        self._metrics.versions.labels(self.name, version.number).set(1)
        _log.info("%s version %d is available", self.name, version.number)

    def _load_and_warm_up(self, path: str) -> LoadedModel:
        model = LoadedModel(path, self._options.session_threads)
        try:
            model.warm_up()
        except Exception:
            model.close()
            raise
        return model

    async def _unload(self, versions: list[Version]) -> None:
        for version in versions:
            if version.state != _State.AVAILABLE:
                continue
            version.state = _State.UNLOADING
            while version.users:
                await asyncio.sleep(0.01)
            model, version.model = version.loaded, None
            await asyncio.get_running_loop().run_in_executor(self._loader, model.close)
            version.state = _State.END
            self._metrics.versions.remove(self.name, str(version.number))
            _log.info("%s version %d is unloaded", self.name, version.number)


def missing(name: str, number: int | None) -> StatusError:
    """No such version is loaded.

    Args:
        name: Of the model.
        number: The version that was asked for; None: the newest.
    """
    wanted = f"Latest({name})" if number is None else f"Specific({name}, {number})"
    return not_found(f"Servable not found for request: {wanted}")


def _as_status(error: Exception) -> StatusError:
    if isinstance(error, StatusError):
        return error
    return not_found(f"Could not load: {type(error).__name__}: {str(error).splitlines()[0]}")
