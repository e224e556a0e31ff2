"""The Kubernetes part of a compiled pipeline, which TFX does not make.

`kfp.kubernetes` writes it for pipelines in KFP's own language; its proto is what the tests check
it against. Tolerations are younger than that proto (kubeflow/pipelines#10471).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.kubeflow_config import KubeflowConfig, StepConfig, Toleration


def platform_document(kubeflow: KubeflowConfig, steps: Mapping[str, StepConfig]) -> dict[str, Any]:
    """Volumes, secrets, node selectors and tolerations of every step.

    Args:
        kubeflow: What all steps have in common.
        steps: Component id -> what it asks for.

    Returns:
        KFP's PlatformSpec as JSON; empty if there is nothing to say.
    """
    common: dict[str, Any] = {
        "pvcMount": [
            {"constant": volume.claim, "mountPath": volume.mount_path}
            for volume in kubeflow.volumes
        ],
        "secretAsEnv": [
            {
                "secretName": secret.secret,
                "keyToEnv": [
                    {"secretKey": key, "envVar": name} for key, name in secret.variables.items()
                ],
            }
            for secret in kubeflow.secret_variables
        ],
        "secretAsVolume": [
            {"secretName": secret.secret, "mountPath": secret.mount_path}
            for secret in kubeflow.secret_volumes
        ],
    }
    executors = {}
    for name, step in steps.items():
        executor = {**common, "tolerations": [_toleration(each) for each in step.tolerations]}
        if step.node_selector:
            executor["nodeSelector"] = {"labels": dict(step.node_selector)}
        if executor := {key: value for key, value in executor.items() if value}:
            executors[f"{name}_executor"] = executor
    if not executors:
        return {}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


def _toleration(toleration: Toleration) -> dict[str, Any]:
    return toleration.model_dump(exclude_none=True)
