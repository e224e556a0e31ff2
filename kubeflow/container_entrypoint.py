"""What a step's container runs: TFX's entry point, on the local copies that KFP's launcher makes.

KFP's launcher hands over the artifacts' URIs in the object store, copies the inputs to local paths
(`s3://bucket/x` to `/s3/bucket/x`) before the step and the outputs from such paths after it. TFX
would open the URIs themselves. Here they become the local paths, and in what the step reports they
become URIs again. The artifacts' types, which depend on KFP's release, become those that TFX reads.

    python -m kubeflow.container_entrypoint --executor_class_path ... (what TFX's takes)
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from collections.abc import Mapping
from typing import Any

from kubeflow.artifact_types import by_title, title_of

LAUNCHER_ROOT = "KFP_LAUNCHER_ROOT"
"""Environment variable: the folder that the launcher's paths start from, in place of `/`."""

_TFX_ENTRYPOINT = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
_FOLDERS = {"gs": "gcs", "s3": "s3", "minio": "minio"}
_INPUT = "--json_serialized_invocation_args"
INPUTS_SPEC = "--json_serialized_inputs_spec_args"
"""TFX's argument with the step's `ComponentInputsSpec`."""


def local_path(uri: str, root: str = "/") -> str | None:
    """Where KFP's launcher keeps an artifact.

    Args:
        uri: Of the artifact.
        root: Folder that the launcher's paths start from.

    Returns:
        The path; None for URIs that the launcher does not copy.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme not in _FOLDERS:
        return None
    return os.path.join(root, _FOLDERS[scheme], rest)


def localize(executor_input: dict[str, Any], root: str) -> dict[str, str]:
    """Replaces the artifacts' URIs by local paths, in place.

    Args:
        executor_input: KFP's `ExecutorInput` as JSON.
        root: Folder that the launcher's paths start from.

    Returns:
        Local folder -> URI, of the buckets.
    """
    buckets = {}
    for side in ("inputs", "outputs"):
        for artifact in _artifacts(executor_input.get(side, {})):
            uri = artifact.get("uri", "")
            path = local_path(uri, root)
            if path is not None:
                artifact["uri"] = path
                scheme, _, rest = uri.partition("://")
                bucket = f"{scheme}://{rest.partition('/')[0]}"
                if folder := local_path(bucket, root):
                    buckets[folder] = bucket
    return buckets


def globalize(executor_output: dict[str, Any], buckets: Mapping[str, str]) -> None:
    """Replaces local paths by URIs, in the artifacts and their metadata, in place.

    Args:
        executor_output: KFP's `ExecutorOutput` as JSON.
        buckets: As `localize` returns it.
    """

    def uri_of(value: Any) -> Any:
        if isinstance(value, str):
            for folder, bucket in buckets.items():
                if value == folder or value.startswith(folder + "/"):
                    return bucket + value.removeprefix(folder)
        return value

    for artifact in _artifacts(executor_output):
        artifact["uri"] = uri_of(artifact.get("uri", ""))
        artifact["metadata"] = {
            key: uri_of(value) for key, value in artifact.get("metadata", {}).items()
        }


def name_types(executor_input: dict[str, Any], inputs_spec: Mapping[str, Any]) -> None:
    """Gives every artifact its type by title, and every input a name, in place.

    Args:
        executor_input: KFP's `ExecutorInput` as JSON.
        inputs_spec: The component's `ComponentInputsSpec` as JSON, for what KFP does not say.
    """
    for key, artifacts in executor_input.get("inputs", {}).get("artifacts", {}).items():
        declared = inputs_spec.get("artifacts", {}).get(key, {}).get("artifactType", {})
        for artifact in artifacts.get("artifacts", []):
            given = artifact.get("type", {})
            artifact["type"] = by_title(given if title_of(given) else declared)
            # TFX's Evaluator names the models in its blessing.
            artifact["name"] = artifact.get("name") or artifact.get("uri", "")
    for artifact in _artifacts(executor_input.get("outputs", {})):
        artifact["type"] = by_title(artifact.get("type", {}))


def _artifacts(part: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        artifact
        for artifacts in part.get("artifacts", {}).values()
        for artifact in artifacts.get("artifacts", [])
    ]


def main(arguments: list[str]) -> None:
    """Runs TFX's entry point with local paths.

    Args:
        arguments: Of TFX's entry point.

    Raises:
        SystemExit: If the step fails.
    """
    position = arguments.index(_INPUT) + 1
    executor_input = json.loads(arguments[position])
    inputs_spec = {}
    if INPUTS_SPEC in arguments:
        inputs_spec = json.loads(arguments[arguments.index(INPUTS_SPEC) + 1])
    name_types(executor_input, inputs_spec)
    buckets = localize(executor_input, os.environ.get(LAUNCHER_ROOT, "/"))
    arguments = [*arguments]
    arguments[position] = json.dumps(executor_input)
    sys.argv = [_TFX_ENTRYPOINT, *arguments]
    try:
        runpy.run_module(_TFX_ENTRYPOINT, run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
    output_file = executor_input["outputs"]["outputFile"]
    with open(output_file, encoding="utf-8") as file:
        executor_output = json.load(file)
    globalize(executor_output, buckets)
    with open(output_file, "w", encoding="utf-8") as file:
        json.dump(executor_output, file)


if __name__ == "__main__":
    main(sys.argv[1:])
