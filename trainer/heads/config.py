"""Configuration of the heads. Imports no TensorFlow: the command line reads it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class HeadsConfig(BaseModel):
    """One MLP per task on the frozen user vector.

    Shape and optimiser are the paper's. It had millions of labelled users; what keeps a head on
    a few thousand from learning them by heart can be switched off: `members: 1`, `dropout: 0`,
    `weight_decay: 0`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hidden_units: int = Field(128, ge=1, description="Width of the one hidden layer.")
    members: int = Field(
        5, ge=1, description="MLPs per task that start differently; a head is their mean."
    )
    dropout: float = Field(0.3, ge=0, lt=1, description="Dropout on the hidden layer.")
    weight_decay: float = Field(
        5.0, ge=0, description="Decay of the weights per step, as a multiple of the learning rate."
    )
    batch_size: int = Field(256, ge=1, description="Users per training step.")
    learning_rate: float = Field(0.001, gt=0, description="Adam's learning rate.")
    max_epochs: int = Field(100, ge=1, description="Training stops here at the latest.")
    patience: int = Field(
        5, ge=1, description="Epochs without a better validation loss after which training stops."
    )
    seed: int = Field(0, ge=0, description="Seed of the weights and of the order of users.")
