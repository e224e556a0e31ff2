"""Configuration of the heads. Imports no TensorFlow: the command line reads it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trainer.presets import with_preset


class HeadsConfig(BaseModel):
    """One small classifier per task on the frozen user vector.

    Shape and optimiser of its MLPs are the paper's. It had millions of labelled users; what makes
    more of a few thousand is switched off by `preset: paper`; what stands beside a preset
    overrides it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hidden_units: int = Field(128, ge=1, description="Width of the one hidden layer.")
    members: int = Field(
        5, ge=1, description="MLPs per task that start differently; their mean counts."
    )
    dropout: float = Field(0.3, ge=0, lt=1, description="Dropout on the hidden layer.")
    weight_decay: float = Field(
        1.0, ge=0, description="Decay of the weights per step, as a multiple of the learning rate."
    )
    regression: bool = Field(
        True,
        description="Whether a logistic regression is mixed with the MLPs of a head; the "
        "validation users choose its L2 penalty and its share.",
    )
    standardize: bool = Field(
        True, description="Whether vectors are centred and scaled to a mean variance of 1 first."
    )
    refit: bool = Field(
        True,
        description="Whether a head is, once the validation users have told for how many epochs, "
        "fitted anew on them too; false: the head of the best epoch is kept.",
    )
    batch_size: int = Field(256, ge=1, description="Users per training step.")
    learning_rate: float = Field(0.001, gt=0, description="Adam's learning rate.")
    max_epochs: int = Field(100, ge=1, description="Training stops here at the latest.")
    patience: int = Field(
        5, ge=1, description="Epochs without a better validation loss after which training stops."
    )
    seed: int = Field(0, ge=0, description="Seed of the weights and of the order of users.")

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:
        return with_preset(values, PRESETS)


PRESETS: dict[str, dict[str, Any]] = {
    # One MLP on the vector as it is, trained until the loss of the validation users converges.
    "paper": {
        "members": 1,
        "dropout": 0.0,
        "weight_decay": 0.0,
        "regression": False,
        "standardize": False,
        "refit": False,
    },
}
"""Configurations by name, as what they change of the defaults."""
