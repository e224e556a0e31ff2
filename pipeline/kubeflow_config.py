"""The `kubeflow` section: what a cluster needs to know and a run on this machine does not.

Part of the configuration, which every command reads; the package `kubeflow` acts on it. Imports
neither TensorFlow nor TFX.
"""

from __future__ import annotations

from typing import Literal

import pydantic
from pydantic import Field

from pipeline.kubeflow_pods import (
    KubernetesName,
    MountPath,
    NodeAffinity,
    Notification,
    Quantity,
    Retries,
    Scratch,
    SecretVariables,
    SecretVolume,
    Section,
    Toleration,
    TrainJob,
    Volume,
)
from pipeline.steps import BEAM_STEPS, LIGHT_STEPS, TRAINERS


class StepConfig(Section):
    """What one step asks of its node. What is null has the default of its kind of step."""

    cpu_request: Quantity | None = Field(None, description="Cores that are reserved.")
    cpu_limit: Quantity | None = Field(None, description="Cores that it can use.")
    memory_request: Quantity | None = Field(None, description="Gigabytes (10^9) reserved.")
    memory_limit: Quantity | None = Field(
        None, description="Gigabytes (10^9) beyond which the step is killed."
    )
    gpus: int = Field(0, ge=0, description="GPUs; more than none takes `gpu_image`.")
    gpu_type: str = Field(
        "nvidia.com/gpu",
        description="Resource name of the GPU; on Vertex AI the accelerator's, as NVIDIA_L4.",
    )
    node_selector: dict[str, str] = Field({}, description="Labels that the node must have.")
    node_affinity: tuple[NodeAffinity, ...] = Field(
        (), description="Labels of nodes that it needs or prefers. KFP 2.2 or newer."
    )
    tolerations: tuple[Toleration, ...] = Field((), description="Taints that it tolerates.")
    retries: Retries | None = Field(
        None, description="What is done when it fails; null: `kubeflow.retries`."
    )
    timeout_hours: Quantity | None = Field(
        None, description="Hours after which an attempt is ended; null: never. KFP 2.1 or newer."
    )
    shared_memory: Quantity | None = Field(
        None,
        description="Gigabytes of /dev/shm, for several GPUs; null: the node's default, often "
        "0.064. KFP 2.3 or newer.",
    )
    scratch: Scratch | None = Field(
        None,
        description="A volume for its temporary files; null: the node's disk. KFP 2.2 or newer.",
    )
    pod_labels: dict[str, str] = Field({}, description="Labels of its pod. KFP 2.1 or newer.")
    pod_annotations: dict[str, str] = Field(
        {}, description="Annotations of its pod. KFP 2.1 or newer."
    )


class KubeflowConfig(Section):
    """The pipeline on Kubeflow Pipelines or Vertex AI; see docs/kubeflow.md."""

    image: str | None = Field(
        None, description="Container image of the steps; or --image of the command."
    )
    gpu_image: str | None = Field(
        None, description="Image of steps with GPUs; or --gpu-image; null: `image`."
    )
    pipeline_root: str | None = Field(
        None, description="s3://, gs:// or minio:// folder of all artifacts; or --pipeline-root."
    )
    serving_dir: str | None = Field(
        None,
        description="Folder that models are pushed to: below a volume's path, or gs://. "
        "null: `serving/NAME` below the first volume's path.",
    )
    events: str | None = Field(
        None, description="The events as the containers see them; null: `data.events`."
    )
    labels: str | None = Field(
        None, description="The labels as the containers see them; null: `data.labels`."
    )
    volumes: tuple[Volume, ...] = Field((), description="Claims mounted into every step.")
    secret_variables: tuple[SecretVariables, ...] = Field(
        (), description="Secrets as environment variables of every step."
    )
    secret_volumes: tuple[SecretVolume, ...] = Field(
        (), description="Secrets as files in every step."
    )
    node_selector: dict[str, str] = Field(
        {}, description="Labels that the nodes of all steps must have."
    )
    node_affinity: tuple[NodeAffinity, ...] = Field(
        (), description="Labels of nodes that all steps need or prefer. KFP 2.2 or newer."
    )
    tolerations: tuple[Toleration, ...] = Field((), description="Taints that all steps tolerate.")
    image_pull_secrets: tuple[KubernetesName, ...] = Field(
        (), description="Secrets for the images' registry. KFP 2.1 or newer."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        None, description="When the node asks the registry; null: Kubernetes' default. KFP 2.1."
    )
    pod_labels: dict[str, str] = Field({}, description="Labels of all pods. KFP 2.1 or newer.")
    pod_annotations: dict[str, str] = Field(
        {}, description="Annotations of all pods. KFP 2.1 or newer."
    )
    retries: Retries = Field(Retries(), description="What is done when a step fails.")
    checkpoints: MountPath | None = Field(
        None,
        description="Folder in a volume for the state of a training, from which the next attempt "
        "goes on; null: `checkpoints/NAME` in the volume of `serving_dir`.",
    )
    timeout_hours: Quantity | None = Field(
        None, description="Hours after which a run is ended; null: never. KFP 2.17 or newer."
    )
    keep_finished_hours: Quantity | None = Field(
        None,
        description="Hours after which the workflow and the pods of a run that ended are deleted; "
        "null: the cluster's setting. KFP 2.17 or newer.",
    )
    notify: Notification | None = Field(
        None, description="A webhook that hears how each run ended; null: none."
    )
    train_job: TrainJob | None = Field(
        None,
        description="Has Kubeflow Trainer 2 train the encoder, on one machine or several; null: "
        "the step EncoderTrainer does it itself.",
    )
    steps: dict[str, StepConfig] = Field(
        {}, description="Step -> what differs for it, such as EncoderTrainer: {gpus: 1}."
    )

    @pydantic.field_validator("steps")
    @classmethod
    def _steps_exist(cls, steps: dict[str, StepConfig]) -> dict[str, StepConfig]:
        known = sorted((*BEAM_STEPS, *TRAINERS, *LIGHT_STEPS))
        for name in steps:
            if name not in known:
                raise ValueError(f"there is no step {name}; allowed: {', '.join(known)}")
        return steps

    @pydantic.model_validator(mode="after")
    def _requests_are_within_limits(self) -> KubeflowConfig:
        for name in self.steps:
            step = self.step(name)
            for what in ("cpu", "memory"):
                request, limit = getattr(step, f"{what}_request"), getattr(step, f"{what}_limit")
                if request > limit:
                    raise ValueError(
                        f"steps.{name}: {what}_request {request:g} is above {what}_limit "
                        f"{limit:g}; give both"
                    )
        return self

    def step(self, name: str) -> StepConfig:
        """What a step asks for: its own settings on top of the defaults of its kind."""
        own = self.steps.get(name, StepConfig())
        kind = _TRAINER if name in TRAINERS else _BEAM_STEP if name in BEAM_STEPS else _LIGHT_STEP
        values = {key: value for key, value in own if value is not None}
        return StepConfig(
            **{
                **kind,
                **values,
                "node_selector": {**self.node_selector, **own.node_selector},
                "node_affinity": (*self.node_affinity, *own.node_affinity),
                "tolerations": (*self.tolerations, *own.tolerations),
                "retries": own.retries or self.retries,
                "pod_labels": {**self.pod_labels, **own.pod_labels},
                "pod_annotations": {**self.pod_annotations, **own.pod_annotations},
            }
        )

    def waiting_step(self, name: str) -> StepConfig:
        """What a step asks for that has others do its work."""
        own = self.step(name)
        kept = ("retries", "timeout_hours", "pod_labels", "pod_annotations")
        return StepConfig(
            **_LIGHT_STEP,
            **{key: getattr(own, key) for key in kept},
            node_selector=self.node_selector,
            node_affinity=self.node_affinity,
            tolerations=self.tolerations,
        )


# Loading TensorFlow and TFX takes 1 GB. A Beam step has a worker on every core it sees.
_LIGHT_STEP = {"cpu_request": 0.5, "cpu_limit": 1, "memory_request": 2, "memory_limit": 3}
_BEAM_STEP = {"cpu_request": 2, "cpu_limit": 4, "memory_request": 4, "memory_limit": 8}
_TRAINER = {"cpu_request": 4, "cpu_limit": 8, "memory_request": 8, "memory_limit": 16}
