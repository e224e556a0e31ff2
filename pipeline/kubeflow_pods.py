"""What the section `kubeflow` says of pods: volumes, secrets, nodes, retries."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Quantity = Annotated[float, Field(gt=0)]
MountPath = Annotated[str, Field(pattern=r"^/[^:]*[^:/]$")]
KubernetesName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]


class Section(BaseModel):
    """A part of the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Volume(Section):
    """A persistent volume claim that is mounted into every step."""

    claim: KubernetesName = Field(description="Name of the PersistentVolumeClaim.")
    mount_path: MountPath = Field(description="Absolute path in the containers.")


class SecretVariables(Section):
    """A Kubernetes secret whose keys become environment variables of every step."""

    secret: KubernetesName = Field(description="Name of the secret.")
    variables: dict[str, str] = Field(
        min_length=1, description="Key of the secret -> name of the environment variable."
    )


class SecretVolume(Section):
    """A Kubernetes secret whose keys become files in every step."""

    secret: KubernetesName = Field(description="Name of the secret.")
    mount_path: MountPath = Field(description="Absolute path in the containers.")


class Toleration(Section):
    """Lets a step run on nodes with a taint, as Kubernetes has it."""

    key: str | None = Field(None, description="Of the taint; null with Exists: any.")
    operator: Literal["Equal", "Exists"] = Field("Equal", description="How the value is compared.")
    value: str | None = Field(None, description="Of the taint, with Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="Of the taint; null: any."
    )


class NodeAffinity(Section):
    """Nodes that a step needs or prefers, by their labels."""

    key: str = Field(min_length=1, description="Of the node's label.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] = Field(
        "In", description="How its value is compared."
    )
    values: tuple[str, ...] = Field((), description="What it is compared with.")
    weight: int | None = Field(
        None, ge=1, le=100, description="How much it is preferred; null: it is needed."
    )


class Scratch(Section):
    """A volume of its own for a step's temporary files, which lives as long as its pod."""

    size: Quantity = Field(description="Gigabytes (10^9).")
    storage_class: KubernetesName | None = Field(
        None, description="Kubernetes' StorageClass; null: the cluster's default."
    )
    mount_path: MountPath = Field(
        "/scratch", description="Absolute path in the container; TMPDIR there."
    )


class Retries(Section):
    """How often a failed step is run again: a node that went away is no fault of the pipeline."""

    count: int = Field(2, ge=0, description="Attempts after the first.")
    backoff_seconds: int = Field(60, ge=0, description="Before the first of them.")
    backoff_factor: float = Field(2.0, ge=1, description="How much longer before each further one.")
    max_backoff_seconds: int = Field(3600, ge=0, description="Of all waiting together.")


class Notification(Section):
    """A webhook that hears how each run ended. Its URL is a secret."""

    secret: KubernetesName = Field(description="Name of the secret that has the URL.")
    key: str = Field("url", min_length=1, description="Key of the secret.")


class TrainJob(Section):
    """Has Kubeflow Trainer train the encoder, instead of the step itself.

    What a node of it gets is what `kubeflow.steps.EncoderTrainer` asks for.
    """

    nodes: int = Field(1, ge=1, description="Machines, each with a worker on all of its GPUs.")
    restarts: int = Field(
        3, ge=0, description="How often all of them begin again, at the last epoch, when one fails."
    )
