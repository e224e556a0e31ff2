"""The cache of a compiled pipeline's steps, with the keys that KFP's driver makes."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping
from typing import Any

from kubeflow.container_entrypoint import local_path
from kubeflow.local.spec import Step


def fingerprint(step: Step, executor_input: Mapping[str, Any]) -> str:
    """What a step's result depends on, as KFP sees it.

    The names of the input artifacts (each has its own), the input parameters, the declared
    outputs, the image, the command, the volume claims and the environment. Neither where the
    outputs go nor resources.

    Args:
        step: The step.
        executor_input: KFP's `ExecutorInput` as JSON, before placeholders are filled.

    Returns:
        64 hexadecimal digits.
    """
    inputs, outputs = executor_input["inputs"], executor_input["outputs"]
    key = {
        "inputArtifactNames": {
            name: [artifact["name"] for artifact in artifacts["artifacts"]]
            for name, artifacts in inputs.get("artifacts", {}).items()
        },
        "inputParameterValues": inputs.get("parameterValues", {}),
        "outputArtifactsSpec": {
            name: {key: artifact[key] for key in ("type", "metadata") if key in artifact}
            for name, artifacts in outputs.get("artifacts", {}).items()
            for artifact in artifacts["artifacts"]
        },
        "outputParametersSpec": {
            name: spec.get("parameterType")
            for name, spec in step.outputs.get("parameters", {}).items()
        },
        "containerSpec": {
            "image": step.container.get("image"),
            "cmdArgs": [*step.container.get("command", []), *step.container.get("args", [])],
            "pvcNames": sorted(step.claims),
            "env": step.container.get("env", []),
        },
    }
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


class Cache:
    """Results by fingerprint, in a file of the output folder.

    Args:
        path: Of the file.
        store: Folder of the local copies of the object stores.
    """

    def __init__(self, path: str, store: str):
        self._path = path
        self._store = store
        self._lock = threading.Lock()
        self._entries: dict[str, Any] = {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self._entries = json.load(file)

    def get(self, key: str) -> dict[str, Any] | None:
        """The result of an earlier execution, if all the files that it made are still there."""
        with self._lock:
            entry = self._entries.get(key)
        if entry is None:
            return None
        paths = [local_path(a["uri"], self._store) for a in entry["artifacts"].values()]
        return entry if all(path is None or os.path.exists(path) for path in paths) else None

    def put(self, key: str, result: Mapping[str, Any]) -> None:
        """Keeps a result."""
        with self._lock:
            self._entries[key] = dict(result)
            temporary = f"{self._path}.{os.getpid()}"
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump(self._entries, file)
            os.replace(temporary, self._path)
