"""An explanation of every key of the configuration, from the models that validate it."""

from __future__ import annotations

import json
import textwrap
import typing
from typing import Any, Literal

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from pipeline.config import PipelineConfig
from pipeline.presets import PRESETS, SECTION_PRESETS
from pipeline.sections import keys_of, models_in
from trainer.encoder.config import EncoderConfig
from trainer.encoder.preset_choice import PRESETS_BY_SIZE

_WIDTH = 96


def config_reference() -> str:
    """Lists every key with its meaning, the values it may have and its default, as an outline."""
    return "\n".join(_describe(PipelineConfig, 0)) + "\n"


def _describe(model: type[BaseModel], depth: int) -> list[str]:
    lines = _presets(model, depth)
    for name, field in keys_of(model).items():
        sections = models_in(field.annotation)
        parts = [
            field.description,
            _choices(field.annotation, sections),
            _default(field.default, sections),
        ]
        lines += _wrapped(name, " ".join(filter(None, parts)), depth)
        for section in sections:
            summary = (section.__doc__ or "").strip().splitlines()[0]
            lines.append("  " * (depth + 1) + f"# {summary}")
            lines += _describe(section, depth + 1)
    return lines


def _wrapped(name: str, text: str, depth: int) -> list[str]:
    return textwrap.wrap(
        f"{name}: {text}".rstrip(" :") + ("" if text else ":"),
        width=_WIDTH,
        initial_indent="  " * depth,
        subsequent_indent="  " * depth + "    ",
        break_on_hyphens=False,
    )


def _choices(annotation: Any, sections: list[type[BaseModel]]) -> str:
    """The values of a literal, or which sections may stand here."""
    values = _literals(annotation)
    if values:
        return f"[{' | '.join(map(_written, values))}]"
    for key in ("method", "type"):
        if len(sections) > 1 and all(key in section.model_fields for section in sections):
            each = [_literals(section.model_fields[key].annotation) for section in sections]
            return f"By its {key}: {', '.join(_written(value) for v in each for value in v)}."
    return ""


def _literals(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return []
    if typing.get_origin(annotation) is Literal:
        return list(typing.get_args(annotation))
    return [value for part in typing.get_args(annotation) for value in _literals(part)]


def _default(default: Any, sections: list[type[BaseModel]]) -> str:
    if default is PydanticUndefined:
        return "" if sections else "(required)"
    if isinstance(default, BaseModel):
        return ""
    return f"(default: {_written(default)})"


def _written(value: Any) -> str:
    """A value as it stands in YAML, on one line."""
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _presets(model: type[BaseModel], depth: int) -> list[str]:
    """The key `preset`, which stands for others, and what each preset stands for."""
    presets = PRESETS if model is PipelineConfig else SECTION_PRESETS.get(model, {})
    if not presets:
        return []
    meaning = (
        f"Starts from a named configuration; keys beside it win over it. [{' | '.join(presets)}]"
    )
    if model is EncoderConfig:
        sizes = (f"{name} from {n:,} users" for n, name in PRESETS_BY_SIZE if name in presets)
        meaning += f" `init` takes {', '.join(sizes)}."
    lines = _wrapped("preset", meaning, depth)
    for name, values in presets.items():
        sets = ", ".join(f"{key}: {_written(value)}" for key, value in values.items())
        lines += _wrapped(f"# preset {name}", sets or "the defaults below", depth + 1)
    return lines
