"""An explanation of every key of the configuration, from the models that validate it."""

from __future__ import annotations

import textwrap
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from pipeline.config import PipelineConfig
from pipeline.sections import keys_of, models_in

_WIDTH = 96


def config_reference() -> str:
    """Lists every key with its meaning and its default, as an indented outline."""
    return "\n".join(_describe(PipelineConfig, 0)) + "\n"


def _describe(model: type[BaseModel], depth: int) -> list[str]:
    lines = []
    for name, field in keys_of(model).items():
        sections = models_in(field.annotation)
        text = " ".join(filter(None, [field.description, _default(field.default, sections)]))
        lines += textwrap.wrap(
            f"{name}: {text}".rstrip(" :") + ("" if text else ":"),
            width=_WIDTH,
            initial_indent="  " * depth,
            subsequent_indent="  " * depth + "    ",
        )
        for section in sections:
            summary = (section.__doc__ or "").strip().splitlines()[0]
            lines.append("  " * (depth + 1) + f"# {summary}")
            lines += _describe(section, depth + 1)
    return lines


def _default(default: Any, sections: list[type[BaseModel]]) -> str:
    if default is PydanticUndefined:
        return "" if sections else "(required)"
    if isinstance(default, BaseModel):
        return ""
    if isinstance(default, tuple):
        default = list(default)
    return f"(default: {default})"
