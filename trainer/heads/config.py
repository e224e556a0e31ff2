"""Configuration of the heads. Imports no TensorFlow: the command line reads it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class HeadsConfig(BaseModel):
    """One MLP per task on the frozen user vector; the defaults are the paper's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hidden_units: int = Field(128, ge=1, description="Width of the one hidden layer.")
    shrinkage: float = Field(
        3.0,
        gt=0,
        description="Input vectors are whitened; this much of their mean variance is added to that "
        "of every direction. The larger, the less the faint directions count.",
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout on the hidden layer.")
    batch_size: int = Field(256, ge=1, description="Users per training step.")
    learning_rate: float = Field(0.001, gt=0, description="Adam's learning rate.")
    max_epochs: int = Field(100, ge=1, description="Training stops here at the latest.")
    patience: int = Field(
        5, ge=1, description="Epochs without a better validation loss after which training stops."
    )
    seed: int = Field(0, ge=0, description="Seed of the weights and of the order of users.")
