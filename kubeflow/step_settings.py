"""What a step asks for in KFP's own specification: resources, retries, environment variables."""

from __future__ import annotations

from typing import Any

from contract.environment import TRAINING_BACKUPS
from pipeline.kubeflow_config import StepConfig
from pipeline.kubeflow_pods import Retries
from pipeline.steps import ENCODER_TRAINER


def apply_settings(
    spec: dict[str, Any], name: str, step: StepConfig, checkpoints: str | None
) -> None:
    """Writes a step's settings into the specification, in place.

    Args:
        spec: KFP's PipelineSpec as JSON.
        name: Of the step.
        step: What it asks for.
        checkpoints: Folder for the state of a training, as the containers see it; None: no folder
            outlives a pod.
    """
    container = spec["deploymentSpec"]["executors"][f"{name}_executor"]["container"]
    container["resources"] = _resources(step)
    variables = {}
    if checkpoints and name == ENCODER_TRAINER:
        variables[TRAINING_BACKUPS] = checkpoints
    if step.scratch:
        variables["TMPDIR"] = step.scratch.mount_path
    if variables:
        container["env"] = [{"name": key, "value": value} for key, value in variables.items()]
    if step.retries and step.retries.count:
        spec["root"]["dag"]["tasks"][name]["retryPolicy"] = _retry_policy(step.retries)


def _resources(step: StepConfig) -> dict[str, Any]:
    resources: dict[str, Any] = {
        "cpuRequest": step.cpu_request,
        "cpuLimit": step.cpu_limit,
        "memoryRequest": step.memory_request,
        "memoryLimit": step.memory_limit,
    }
    if step.gpus:
        resources["accelerator"] = {"type": step.gpu_type, "count": str(step.gpus)}
    return resources


def _retry_policy(retries: Retries) -> dict[str, Any]:
    return {
        "maxRetryCount": retries.count,
        "backoffDuration": f"{retries.backoff_seconds}s",
        "backoffFactor": retries.backoff_factor,
        "backoffMaxDuration": f"{retries.max_backoff_seconds}s",
    }
