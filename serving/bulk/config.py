"""How logs become user vectors."""

from __future__ import annotations

from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from ingestion.config import Channel, Columns, FileLossLimits, TimestampUnit


class EncodingConfig(BaseModel):
    """How logs become user vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: Columns = Field(Columns(), description="Names of the columns of the events.")
    channels: tuple[Channel, ...] = Field(
        (),
        description="What the model is told of the events besides texts and moments; what it is "
        "not told says nothing.",
    )
    max_bad_fraction: float = Field(
        0.001, ge=0, le=1, description="Share of bad lines up to which they are skipped."
    )
    max_behaviors: int = Field(
        2000, ge=1, description="Behaviours read for one vector, the most recent."
    )
    timestamp_unit: TimestampUnit = Field(
        "auto", description="What timestamps that are numbers mean; auto: told by the column."
    )
    html_entities: bool = Field(
        True, description="Read HTML entities in texts as characters, as the training did."
    )
    losses: FileLossLimits = Field(
        FileLossLimits(), description="What files may lose before the encoding warns or stops."
    )
    period_days: float | None = Field(
        None,
        gt=0,
        description="One vector for each period with behaviours, pooled by their mean to the "
        "user's; null: one vector of the most recent behaviours. For logs of years, of which a "
        "model reads only the end.",
    )
    batch_size: int = Field(256, ge=1, description="Histories encoded at once.")
    threads: int = Field(2, ge=1, description="Threads of TensorFlow.")

    @model_serializer(mode="wrap")
    def _without_no_channels(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves the channels out where there are none: what is written is a key of the cache."""
        content: dict[str, Any] = handler(self)
        return {key: value for key, value in content.items() if key != "channels" or value}
