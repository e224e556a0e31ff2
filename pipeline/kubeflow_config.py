"""The `kubeflow` section: what a cluster needs to know and a run on this machine does not.

Part of the configuration, which every command reads; the package `kubeflow` acts on it. Imports
neither TensorFlow nor TFX.
"""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from pipeline.steps import BEAM_STEPS, LIGHT_STEPS, TRAINERS

Quantity = Annotated[float, Field(gt=0)]
MountPath = Annotated[str, Field(pattern=r"^/[^:]*[^:/]$")]
KubernetesName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Volume(_Section):
    """A persistent volume claim that is mounted into every step."""

    claim: KubernetesName = Field(description="Name of the PersistentVolumeClaim.")
    mount_path: MountPath = Field(description="Absolute path in the containers.")


class SecretVariables(_Section):
    """A Kubernetes secret whose keys become environment variables of every step."""

    secret: KubernetesName = Field(description="Name of the secret.")
    variables: dict[str, str] = Field(
        min_length=1, description="Key of the secret -> name of the environment variable."
    )


class SecretVolume(_Section):
    """A Kubernetes secret whose keys become files in every step."""

    secret: KubernetesName = Field(description="Name of the secret.")
    mount_path: MountPath = Field(description="Absolute path in the containers.")


class Toleration(_Section):
    """Lets a step run on nodes with a taint, as Kubernetes has it."""

    key: str | None = Field(None, description="Of the taint; null with Exists: any.")
    operator: Literal["Equal", "Exists"] = Field("Equal", description="How the value is compared.")
    value: str | None = Field(None, description="Of the taint, with Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="Of the taint; null: any."
    )


class StepConfig(_Section):
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
    tolerations: tuple[Toleration, ...] = Field((), description="Taints that it tolerates.")


class KubeflowConfig(_Section):
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
    tolerations: tuple[Toleration, ...] = Field((), description="Taints that all steps tolerate.")
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
                "tolerations": (*self.tolerations, *own.tolerations),
            }
        )


# Loading TensorFlow and TFX takes 1 GB. A Beam step has a worker on every core it sees.
_LIGHT_STEP = {"cpu_request": 0.5, "cpu_limit": 1, "memory_request": 2, "memory_limit": 3}
_BEAM_STEP = {"cpu_request": 2, "cpu_limit": 4, "memory_request": 4, "memory_limit": 8}
_TRAINER = {"cpu_request": 4, "cpu_limit": 8, "memory_request": 8, "memory_limit": 16}
