"""What the configuration's models say of themselves: their keys, and the sections below them."""

from __future__ import annotations

import types
import typing
from typing import Any

from pydantic import BaseModel
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

INLINE: JsonDict = {"inline": True}
"""Marks a section whose keys stand, in YAML, in the section around it."""


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys that a section may have in YAML, with their fields."""
    keys: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        if field.json_schema_extra == INLINE:
            for section in models_in(field.annotation):
                keys |= keys_of(section)
        else:
            keys[name] = field
    return keys


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The configuration sections that a field's type annotation names."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for part in typing.get_args(annotation) for model in models_in(part)]
