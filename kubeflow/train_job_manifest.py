"""The Kubernetes objects by which the encoder's step has Kubeflow Trainer train.

A `TrainingRuntime`, which says what a node is, and a `TrainJob` that asks for some of them. Both
get their name when the step runs. Fields that came or went between Trainer's releases 2.0 and 2.3
are not used.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from contract.environment import TRAIN_JOB, TRAINING_BACKUPS
from contract.errors import UsageError
from kubeflow.paths import KFP
from pipeline.kubeflow_config import KubeflowConfig, StepConfig
from pipeline.kubeflow_pods import NodeAffinity, Scratch, TrainJob
from pipeline.steps import ENCODER_TRAINER

_API = "trainer.kubeflow.org/v1alpha1"
_RUN_FN = "kubeflow.train_job.run_fn"
_NODE = "node"
"""Name of the job and of the container, as Trainer's own runtimes have it."""


def train_job_manifests(
    kubeflow: KubeflowConfig, train_job: TrainJob, target: str, checkpoints: str | None
) -> dict[str, Any]:
    """Makes the objects, which lack their name.

    Args:
        kubeflow: The section of the configuration.
        train_job: What it says of the job.
        target: `kfp` or `vertex`.
        checkpoints: Folder in a volume; None if there is none.

    Returns:
        `runtime` and `job`, each a Kubernetes object as JSON.

    Raises:
        UsageError: There is no volume for what step and nodes share, or no Kubernetes.
    """
    if target != KFP:
        raise UsageError("kubeflow.train_job: Vertex AI has no Kubeflow Trainer; leave it out.")
    if checkpoints is None:
        raise UsageError(
            "kubeflow.train_job: step and nodes need a volume that all can write. Give "
            "`kubeflow.checkpoints`, a folder below the mount_path of one of kubeflow.volumes."
        )
    node = kubeflow.step(ENCODER_TRAINER)
    nodes = train_job.nodes
    return {
        "runtime": {
            "apiVersion": _API,
            "kind": "TrainingRuntime",
            "metadata": {},
            "spec": {
                "mlPolicy": {"numNodes": nodes},
                "template": {
                    "spec": {
                        "failurePolicy": {"maxRestarts": train_job.restarts},
                        "replicatedJobs": [{"name": _NODE, "template": _job(kubeflow, node)}],
                    }
                },
            },
        },
        "job": {
            "apiVersion": _API,
            "kind": "TrainJob",
            "metadata": {},
            "spec": {
                "runtimeRef": {"apiGroup": _API.partition("/")[0], "kind": "TrainingRuntime"},
                "trainer": {
                    "image": (kubeflow.gpu_image or kubeflow.image)
                    if node.gpus
                    else kubeflow.image,
                    "command": ["python", "-m", "kubeflow.train_job_node"],
                    "env": [{"name": TRAINING_BACKUPS, "value": checkpoints}],
                    "numNodes": nodes,
                    "resourcesPerNode": _resources(node),
                },
            },
        },
    }


def hand_over(spec: dict[str, Any], name: str, manifests: dict[str, Any]) -> None:
    """Has a step create the objects and wait, in place.

    Args:
        spec: KFP's PipelineSpec as JSON.
        name: Of the step, a Trainer.
        manifests: As `train_job_manifests` makes them.
    """
    container = spec["deploymentSpec"]["executors"][f"{name}_executor"]["container"]
    variable = {"name": TRAIN_JOB, "value": json.dumps(manifests, sort_keys=True)}
    container["env"] = [*container.get("env", []), variable]
    parameters = spec["root"]["dag"]["tasks"][name]["inputs"]["parameters"]
    parameters["run_fn"] = {"runtimeValue": {"constant": _RUN_FN}}


def _job(kubeflow: KubeflowConfig, node: StepConfig) -> dict[str, Any]:
    """Of one node that fails all begin anew: a worker cannot go on without the others."""
    return {
        "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
        "spec": {
            "backoffLimit": 0,
            "template": {
                "metadata": {
                    "labels": dict(node.pod_labels),
                    "annotations": dict(node.pod_annotations),
                },
                "spec": _pod(kubeflow, node),
            },
        },
    }


def _pod(kubeflow: KubeflowConfig, node: StepConfig) -> dict[str, Any]:
    volumes: list[dict[str, Any]] = []
    mounts: list[dict[str, Any]] = []

    def mount(path: str, source: dict[str, Any]) -> None:
        name = f"volume-{len(volumes)}"
        volumes.append({"name": name, **source})
        mounts.append({"name": name, "mountPath": path})

    for volume in kubeflow.volumes:
        mount(volume.mount_path, {"persistentVolumeClaim": {"claimName": volume.claim}})
    for secret in kubeflow.secret_volumes:
        mount(secret.mount_path, {"secret": {"secretName": secret.secret}})
    if node.shared_memory:
        memory = {"medium": "Memory", "sizeLimit": f"{node.shared_memory:g}G"}
        mount("/dev/shm", {"emptyDir": memory})  # noqa: S108 - where libraries look for it
    variables = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret.secret, "key": key}}}
        for secret in kubeflow.secret_variables
        for key, name in secret.variables.items()
    ]
    if node.scratch:
        mount(node.scratch.mount_path, {"ephemeral": _claim(node.scratch)})
        variables.append({"name": "TMPDIR", "value": node.scratch.mount_path})
    container: dict[str, Any] = {
        "name": _NODE,
        "image": kubeflow.image,
        "volumeMounts": mounts,
        "env": variables,
    }
    if kubeflow.image_pull_policy:
        container["imagePullPolicy"] = kubeflow.image_pull_policy
    return {
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": volumes,
        "nodeSelector": dict(node.node_selector),
        "affinity": _affinity(node.node_affinity),
        "tolerations": [each.model_dump(exclude_none=True) for each in node.tolerations],
        "imagePullSecrets": [{"name": name} for name in kubeflow.image_pull_secrets],
    }


def _claim(scratch: Scratch) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": f"{scratch.size:g}G"}},
    }
    if scratch.storage_class:
        spec["storageClassName"] = scratch.storage_class
    return {"volumeClaimTemplate": {"spec": spec}}


def _affinity(terms: Sequence[NodeAffinity]) -> dict[str, Any]:
    """All that is needed is one term, for of several terms Kubernetes needs but one."""
    needed = [term.model_dump(exclude={"weight"}, mode="json") for term in terms if not term.weight]
    affinity: dict[str, Any] = {}
    if needed:
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {
            "nodeSelectorTerms": [{"matchExpressions": needed}]
        }
    preferred = [
        {
            "weight": term.weight,
            "preference": {"matchExpressions": [term.model_dump(exclude={"weight"}, mode="json")]},
        }
        for term in terms
        if term.weight
    ]
    if preferred:
        affinity["preferredDuringSchedulingIgnoredDuringExecution"] = preferred
    return {"nodeAffinity": affinity} if affinity else {}


def _resources(node: StepConfig) -> dict[str, Any]:
    gpus = {node.gpu_type: str(node.gpus)} if node.gpus else {}
    return {
        "requests": {"cpu": f"{node.cpu_request:g}", "memory": f"{node.memory_request:g}G"},
        "limits": {"cpu": f"{node.cpu_limit:g}", "memory": f"{node.memory_limit:g}G", **gpus},
    }
