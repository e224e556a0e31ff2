"""A word in a configuration that stands for several keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def take_preset(values: Any, presets: Mapping[str, Any]) -> tuple[str | None, Any]:
    """Takes the key `preset` out of what a configuration holds.

    >>> take_preset({"preset": "small", "hops": 3}, {"small": {"dropout": 0.2}})
    ('small', {'hops': 3})
    >>> take_preset({"hops": 3}, {"small": {"dropout": 0.2}})
    (None, {'hops': 3})

    Args:
        values: Keys and values; anything else is left as it is, for its validation to name.
        presets: What there is, by name.

    Returns:
        The preset's name, None without one, and the other keys.

    Raises:
        ValueError: There is no such preset.
    """
    if not isinstance(values, Mapping) or "preset" not in values:
        return None, values
    content = dict(values)
    name = content.pop("preset")
    if name not in presets:
        raise ValueError(f"preset must be one of {sorted(presets)}. Received: {name!r}")
    return name, content


def with_preset(values: Any, presets: Mapping[str, Mapping[str, Any]]) -> Any:
    """Replaces the key `preset` by what it stands for; what stands beside it overrides it.

    >>> with_preset({"preset": "small", "hops": 3}, {"small": {"dropout": 0.2, "hops": 1}})
    {'dropout': 0.2, 'hops': 3}

    Args:
        values: As of `take_preset`.
        presets: As of `take_preset`.

    Raises:
        ValueError: There is no such preset.
    """
    name, content = take_preset(values, presets)
    return values if name is None else {**presets[name], **content}
