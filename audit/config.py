"""The `audit` section, and what the evaluation asks of a model. Imports nothing heavy."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Comparison = Literal["interval", "point"]


class AuditConfig(BaseModel):
    """What a run cannot know of itself, and whom the audit looks at; see docs/audit.md."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intended_use: str = Field("", description="What the model is for; the page shows it.")
    limits: tuple[str, ...] = Field(
        (), description="What the model is not for, or cannot do; one sentence each."
    )
    owner: str = Field("", description="Who answers for the model: a team, an address.")
    slices: tuple[str, ...] = Field(
        (),
        description="Columns of the labels' files, beside the activity, by whose values the "
        "figures are given as well, such as a country.",
    )
    label_time: str | None = Field(
        None,
        min_length=1,
        description="Column of the labels' files with the moment that a user's labels tell of, "
        "ISO 8601 or Unix seconds: no behaviour may be younger. null: not checked.",
    )
    user_key_env: str | None = Field(
        None,
        description="Environment variable with the key under which user ids are hashed in "
        "predictions.parquet; null: the pipeline's name, which keeps nothing secret from whoever "
        "has a list of ids.",
    )
    signing_key: str | None = Field(
        None,
        description="PEM file of the private key, of an elliptic curve and without a password, by "
        "which audits are signed; null: they are not. On Kubeflow a path below the mount_path of "
        "one of kubeflow.secret_volumes.",
    )
    public_keys: tuple[str, ...] = Field(
        (),
        description="PEM files of the public keys by one of which an audit must be signed for its "
        "model to be pushed, or compared with on Kubeflow; that of signing_key counts too. "
        "Without any key unsigned audits are taken.",
    )


KEYS = {"signing_key", "public_keys"}
"""Fields of `AuditConfig` that say whose audits count: all that those need who trust one."""


class Gate(BaseModel):
    """What a model must reach to be blessed, with nothing left to defaults.

    Attributes:
        classes: Task -> names of its classes.
        min_auc: Task -> lowest AUC.
        max_auc_drop: Largest loss of AUC against the last blessed model; None: no comparison.
        comparison: Whether the loss itself counts, or must also be more than chance.
        level: Of the interval of the loss.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: dict[str, tuple[str, ...]]
    min_auc: dict[str, float]
    max_auc_drop: float | None
    comparison: Comparison
    level: float
