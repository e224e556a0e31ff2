"""Writes docs/configuration.md: every key of the configuration, from the models that validate it.

    python -m docs.generate_configuration

Run it after a change of a model; a test compares the page with what it gives.
"""

from __future__ import annotations

import inspect
import pathlib
import typing
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pipeline.config import PipelineConfig
from pipeline.presets import PRESETS, SECTION_PRESETS
from pipeline.sections import keys_of, models_in

PAGE = pathlib.Path(__file__).parent / "configuration.md"

EXAMPLE = """\
name: shop
data:
  events: logs/*.jsonl.gz
  labels: labels.csv
tasks:
  likes_outdoor:                 # binary, classes 0 and 1
  age_range: {classes: [18-29, 30-49, 50+]}
text:
  language: en                   # or zh, mixed, characters, bigrams
  vocabulary_size: 50000
encoder:
  preset: small                  # for some thousand users; else the paper's letter
evaluation:
  min_auc: {likes_outdoor: 0.75, age_range: 0.7}
  max_auc_drop: 0.02             # against the last blessed model
serving:
  keep_versions: 5
  encode_users: true             # to Parquet, after every push
metadata: {type: sqlite}         # or mysql, postgresql
"""

_HEAD = f"""\
<!-- Generated: python -m docs.generate_configuration -->

# Configuration

One YAML file; `configs/` has some, and `python -m pipeline init` writes a first one. Every key has
a default but `name`, `data.events`, `data.labels` and `tasks`. `python -m pipeline check` names
every mistake, and `python -m pipeline options` prints what stands here.

```yaml
{EXAMPLE}```

The section `beam` sends the data steps to Flink, Spark, Dataflow or any runner of Beam's portable
API: see [Beam beyond one machine](beam.md). Where Beam runs has no part in what is re-used. The
section `kubeflow` is explained in [Kubeflow](kubeflow.md), `text` in [Text](text.md), `encoder` and
`heads` in [The encoder and the heads](encoder.md), `data` in [Your own data](data.md).
"""

_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true`, `false`",
    "null": "`null`",
}
_PLACEHOLDERS = {"tasks": "TASK", "kubeflow.steps": "STEP"}
"""What stands for the names that the user chooses, in the headings of mappings."""


def configuration_page() -> str:
    """Returns the page, in Markdown."""
    return _Page().text()


class _Page:
    """Collects the sections; one that several keys have is written once."""

    def __init__(self) -> None:
        schema = PipelineConfig.model_json_schema()
        self._schemas = {**schema["$defs"], PipelineConfig.__name__: schema}
        self._headings: dict[type[BaseModel], str] = {}
        self._sections: list[str] = []

    def text(self) -> str:
        self._add_section("All sections", "", PipelineConfig)
        return "\n".join([_HEAD, *self._sections])

    def _add_section(self, heading: str, path: str, model: type[BaseModel]) -> None:
        self._headings[model] = heading
        place = len(self._sections)
        self._sections.append("")
        rows = []
        properties = self._properties(model)
        for name, field in keys_of(model).items():
            key = f"{path}.{name}" if path else name
            sections = models_in(field.annotation)
            links = [self._link(key, section) for section in sections]
            schema = properties[name]
            value = " or ".join(links) if links else _cell(_allowed(schema))
            if value == "number" and any(isinstance(p, BeforeValidator) for p in field.metadata):
                value += " or text"  # The schema is that of what the value becomes.
            if links and schema.get("type") == "array":
                value = f"list of {value}"
            if links and schema.get("type") == "object":
                value = f"mapping to {value}"
            meaning = field.description or " Or: ".join(map(_summary, sections))
            rows.append(f"| `{name}` | {value} | {_default(field)} | {_cell(meaning)} |\n")
        level = "##" if "." not in path else "###"
        of_model = PRESETS if model is PipelineConfig else SECTION_PRESETS.get(model, {})
        presets = _presets(of_model)
        self._sections[place] = (
            f"{level} {heading}\n\n{_cell(_summary(model))}\n\n"
            f"| key | values | default | meaning |\n|---|---|---|---|\n{''.join(rows)}{presets}"
        )

    def _properties(self, model: type[BaseModel]) -> dict[str, Any]:
        """The JSON schemas of a section's keys, those of sections that are spread in it as well."""
        properties = dict(self._schemas[model.__name__]["properties"])
        for name in model.model_fields.keys() - keys_of(model).keys():
            for section in models_in(model.model_fields[name].annotation):
                properties |= self._properties(section)
        return properties

    def _link(self, key: str, model: type[BaseModel]) -> str:
        """Links to a model's section, which is written where the model is met first."""
        if model not in self._headings:
            path = f"{key}.{_PLACEHOLDERS[key]}" if key in _PLACEHOLDERS else key
            variant = _variant(model)
            self._add_section(f"{path}, {variant}" if variant else path, path, model)
        heading = self._headings[model]
        return f"[{_variant(model) or heading}](#{_anchor(heading)})"


def _variant(model: type[BaseModel]) -> str:
    """What tells a model from the others of its union: `method: windows`; empty for most."""
    for name in ("method", "type"):
        field = model.model_fields.get(name)
        if field is not None and (values := typing.get_args(field.annotation)):
            return f"{name}: {' or '.join(values)}"
    return ""


def _summary(model: type[BaseModel]) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join(inspect.cleandoc(model.__doc__ or "").split("\n\n")[0].split())


def _allowed(schema: Mapping[str, Any]) -> str:
    """The values that a JSON schema allows, in words."""
    if choices := schema.get("anyOf"):
        return " or ".join(_allowed(choice) for choice in choices)
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema.get("enum") or [schema["const"]])
    kind = schema["type"]
    if kind == "array":
        items = schema.get("items") or schema["prefixItems"][0]
        count = f"list of {schema['maxItems']}: " if "maxItems" in schema else "list of "
        return count + _allowed(items)
    if kind == "object":
        inner = schema.get("additionalProperties") or next(
            iter(schema["patternProperties"].values())
        )
        return f"mapping to {_allowed(inner)}"
    pattern = f", matching `{schema['pattern']}`" if "pattern" in schema else ""
    return _TYPES[kind] + _bounds(schema) + pattern


def _bounds(schema: Mapping[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[name]}" for name, sign in signs.items() if name in schema]
    return f" {', '.join(bounds)}" if bounds else ""


def _default(field: FieldInfo) -> str:
    default = field.default
    if default is PydanticUndefined:
        return "required"
    if isinstance(default, BaseModel):
        variant = _variant(type(default))
        return f"`{variant}`" if variant else ""
    if isinstance(default, tuple):
        default = list(default)
    text = yaml.safe_dump(default, default_flow_style=True, width=10**9)
    text = text.removesuffix("\n").removesuffix("\n...")
    # In a table, code breaks where it is told to.
    return f"`{text}`" if len(text) < 60 else "<br>".join(f"`{item}`" for item in default)


def _presets(presets: Mapping[str, Mapping[str, Any]]) -> str:
    parts = [
        f"\n`preset: {name}` stands for this; keys beside it win over it:\n\n"
        f"```yaml\n{yaml.safe_dump(dict(values), sort_keys=False)}```\n"
        for name, values in presets.items()
    ]
    return "".join(parts)


def _anchor(heading: str) -> str:
    """The anchor that the repository's pages and the site give to a heading."""
    kept = "".join(c for c in heading.lower() if c.isalnum() or c in " _-")
    return kept.replace(" ", "-")


def _cell(text: str) -> str:
    """Text of a table: signs that Markdown would take for its own are escaped."""
    for sign in ("|", "<"):
        text = text.replace(sign, f"\\{sign}")
    return "`".join(
        part if place % 2 else part.replace("*", "\\*")
        for place, part in enumerate(text.split("`"))
    )


if __name__ == "__main__":
    PAGE.write_text(configuration_page(), encoding="utf-8")
