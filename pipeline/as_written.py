"""YAML whose names stay as they are written.

YAML makes booleans, numbers, dates and nulls of what people write as names: `NO`, `010`, `12:30`,
`1.50`, `2023-11-14`, `~`. Here a configuration's model decides what a value is: where it asks for
text, the text stands as in the file; where it asks for something else, YAML's own reading counts.
Keys are names, and therefore always text.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Hashable
from typing import Annotated, Any, Literal, NamedTuple, TextIO

import yaml
from pydantic import BaseModel

from pipeline.sections import keys_of

# What YAML means by = and << is nothing as a value.
_TEXT = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "value", "merge"))
_NUMBERS = frozenset({bool, int, float})


class Scalar(NamedTuple):
    """A value without quotes that YAML takes for something else than text.

    Attributes:
        value: What YAML makes of it: a boolean, a number, a date or None.
        text: As it is written.
    """

    value: Any
    text: str


def read_yaml(stream: TextIO, wanted: Any) -> Any:
    """Reads one YAML document.

    Args:
        stream: Of the file.
        wanted: The type annotation of what it holds, such as a pydantic model. Where it allows
            text and no number, what the file says is text; null stays None where None is allowed.

    Returns:
        Mappings with keys of text, lists and values; None if the document is empty.

    Raises:
        yaml.YAMLError: It is not valid YAML, a key is not text, or one occurs twice, where YAML
            would silently keep the last.
    """
    return _decide(yaml.load(stream, Loader=_Loader), {wanted})  # noqa: S506 - a SafeLoader


class _Loader(yaml.SafeLoader):
    """Keeps both readings of what is no text."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            return super().construct_object(node, deep)
        if node.tag in _TEXT:
            return node.value
        try:
            return Scalar(super().construct_object(node, deep), node.value)
        except ValueError:  # It only looks like a date: 2023-13-45.
            return node.value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be text", key.start_mark
                )
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} occurs twice", key.start_mark
                )
            seen.add(key.value)
        # What `<<` brings may repeat a key, and gives way to it.
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}


def _decide(content: Any, wanted: set[Any]) -> Any:
    """Chooses one reading for every scalar; `wanted` are the members of the type's union."""
    members = {member for each in wanted for member in _members(each)}
    if isinstance(content, Scalar):
        is_text = str in members and not members & _NUMBERS
        is_null = content.value is None and types.NoneType in members
        return content.text if is_text and not is_null else content.value
    if isinstance(content, list):
        items = {
            item
            for member in members
            if typing.get_origin(member) in (tuple, list)
            for item in typing.get_args(member)
        }
        return [_decide(item, items) for item in content]
    if isinstance(content, dict):
        models = [member for member in members if _is_model(member)]
        values = {typing.get_args(m)[1] for m in members if typing.get_origin(m) is dict}
        return {
            key: _decide(
                value,
                values | {keys_of(m)[key].annotation for m in models if key in keys_of(m)},
            )
            for key, value in content.items()
        }
    return content


def _members(annotation: Any) -> list[Any]:
    """The types that an annotation is a union of; a literal is of the type of its values."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _members(arguments[0])
    if origin is Literal:
        return [type(argument) for argument in arguments]
    if origin in (typing.Union, types.UnionType):
        return [member for argument in arguments for member in _members(argument)]
    return [annotation]


def _is_model(member: Any) -> bool:
    return isinstance(member, type) and issubclass(member, BaseModel)
