"""Configuration of the text preprocessing. Imports no TensorFlow: the command line reads it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

AUTO = "95%"
"""Stands for the 95 % quantile of the training data, the paper's choice for |S| and |x|."""

_Length = Literal["95%"] | Annotated[int, Field(ge=1)]


class TextConfig(BaseModel):
    """How texts become word ids; fixed at Transform time and exported with the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: Literal["en", "characters"] = Field(
        "en",
        description="en: lower-cased words, Snowball stems. characters: every letter, ideograph "
        "or digit is a word of its own (Chinese, Japanese, unsegmented text).",
    )
    vocabulary_size: int = Field(
        50_000, ge=1, le=10_000_000, description="|V|: the most frequent words (stems) are kept."
    )
    max_behaviors: _Length = Field(
        AUTO,
        description="|S|: most recent behaviours that are read per user; a number of at least 1, "
        'or "95%" for that quantile of the training data.',
    )
    max_words: _Length = Field(
        AUTO,
        description="|x|: first words that are read per behaviour; a number of at least 1, "
        'or "95%" for that quantile of the training data.',
    )
