"""The Kubernetes part of a compiled pipeline, which TFX does not make.

`kfp.kubernetes` writes it for pipelines in KFP's own language; its proto is what the tests check
it against. What is not asked for is not written: releases of KFP refuse settings that are younger
than they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.kubeflow_config import KubeflowConfig, StepConfig
from pipeline.kubeflow_pods import NodeAffinity, Scratch

_SECONDS = 3600


def platform_document(kubeflow: KubeflowConfig, steps: Mapping[str, StepConfig]) -> dict[str, Any]:
    """What every step, and the run as a whole, asks of Kubernetes.

    Args:
        kubeflow: What all steps have in common.
        steps: Component id -> what it asks for.

    Returns:
        KFP's PlatformSpec as JSON; empty if there is nothing to say.
    """
    executors = {}
    for name, step in steps.items():
        executor = {**_common(kubeflow), **_own(step)}
        if executor := {key: value for key, value in executor.items() if value}:
            executors[f"{name}_executor"] = executor
    run = {
        "activeDeadlineSeconds": _seconds(kubeflow.timeout_hours),
        "resourceTtlOnCompletion": _seconds(kubeflow.keep_finished_hours),
    }
    run = {key: value for key, value in run.items() if value}
    parts: dict[str, Any] = {}
    if executors:
        parts["deploymentSpec"] = {"executors": executors}
    if run:
        parts["pipelineConfig"] = run
    return {"platforms": {"kubernetes": parts}} if parts else {}


def _common(kubeflow: KubeflowConfig) -> dict[str, Any]:
    return {
        "pvcMount": [
            {"constant": volume.claim, "mountPath": volume.mount_path}
            for volume in kubeflow.volumes
        ],
        "secretAsEnv": [
            secret_as_env(secret.secret, secret.variables) for secret in kubeflow.secret_variables
        ],
        "secretAsVolume": [
            {"secretName": secret.secret, "mountPath": secret.mount_path}
            for secret in kubeflow.secret_volumes
        ],
        "imagePullSecret": [{"secretName": name} for name in kubeflow.image_pull_secrets],
        "imagePullPolicy": kubeflow.image_pull_policy,
    }


def _own(step: StepConfig) -> dict[str, Any]:
    metadata = {"labels": dict(step.pod_labels), "annotations": dict(step.pod_annotations)}
    return {
        "tolerations": [each.model_dump(exclude_none=True) for each in step.tolerations],
        "nodeSelector": {"labels": dict(step.node_selector)} if step.node_selector else {},
        "nodeAffinity": _affinity(step.node_affinity),
        "podMetadata": {key: value for key, value in metadata.items() if value},
        "activeDeadlineSeconds": _seconds(step.timeout_hours),
        "emptyDirMounts": [_shared_memory(step.shared_memory)] if step.shared_memory else [],
        "genericEphemeralVolume": [_ephemeral(step.scratch)] if step.scratch else [],
    }


def secret_as_env(secret: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """A secret's keys as environment variables.

    Args:
        secret: Its name.
        variables: Key -> name of the variable.

    Returns:
        kfp-kubernetes' `SecretAsEnv` as JSON.
    """
    return {
        "secretName": secret,
        "keyToEnv": [{"secretKey": key, "envVar": name} for key, name in variables.items()],
    }


def _affinity(terms: Sequence[NodeAffinity]) -> list[dict[str, Any]]:
    """All that is needed is one term, for of several terms KFP needs but one."""
    needed = [_requirement(term) for term in terms if term.weight is None]
    return ([{"matchExpressions": needed}] if needed else []) + [
        {"matchExpressions": [_requirement(term)], "weight": term.weight}
        for term in terms
        if term.weight is not None
    ]


def _requirement(term: NodeAffinity) -> dict[str, Any]:
    return term.model_dump(mode="json", include={"key", "operator", "values"})


def _shared_memory(size: float) -> dict[str, Any]:
    """KFP's proto has an `enabledSharedMemory`, but no release acts on it."""
    return {
        "volumeName": "shm",
        "mountPath": "/dev/shm",  # noqa: S108 - where libraries look for it
        "medium": "Memory",
        "sizeLimit": _gigabytes(size),
    }


def _ephemeral(scratch: Scratch) -> dict[str, Any]:
    volume: dict[str, Any] = {
        "volumeName": "scratch",
        "mountPath": scratch.mount_path,
        "accessModes": ["ReadWriteOnce"],
        "size": _gigabytes(scratch.size),
    }
    if scratch.storage_class:
        return {**volume, "storageClassName": scratch.storage_class}
    return {**volume, "defaultStorageClass": True}


def _gigabytes(size: float) -> str:
    return f"{size:g}G"


def _seconds(hours: float | None) -> int:
    return round(hours * _SECONDS) if hours else 0
