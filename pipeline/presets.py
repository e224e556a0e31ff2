"""Presets: a word that stands for several keys, of a section or of the whole configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import trainer.encoder.config
import trainer.heads.config
from trainer.encoder.config import EncoderConfig
from trainer.heads.config import HeadsConfig
from trainer.presets import take_preset

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    # Everything that is found nowhere but in the paper, in one word.
    "paper": {
        "data": {"hold_out_eval": False},
        "text": {"target_behaviors": "all"},
        "encoder": {"preset": "paper"},
        "heads": {"preset": "paper"},
    },
    # The same with the encoder of the code that its authors published.
    "official": {
        "data": {"hold_out_eval": False},
        "text": {"target_behaviors": "all"},
        "encoder": {"preset": "official"},
        "heads": {"preset": "paper"},
    },
}
"""Of the whole configuration: name to section to what its keys are unless the file says more."""

SECTION_PRESETS: dict[type, dict[str, dict[str, Any]]] = {
    EncoderConfig: trainer.encoder.config.PRESETS,
    HeadsConfig: trainer.heads.config.PRESETS,
}
"""Of sections: model to name to keys."""


def apply_preset(values: Any) -> Any:
    """Replaces the key `preset` of a configuration by what it stands for.

    >>> data = {"division": {"method": "fraction"}}
    >>> apply_preset({"preset": "paper", "data": data, "encoder": {"hops": 3}})["encoder"]
    {'preset': 'paper', 'hops': 3}

    Args:
        values: What the YAML file holds.

    Returns:
        The same without `preset`; what the file says wins over it, key by key.

    Raises:
        ValueError: There is no such preset, or the file does not say how behaviours are divided.
    """
    name, content = take_preset(values, PRESETS)
    if name is None:
        return values
    data = content.get("data")
    if not isinstance(data, Mapping) or "division" not in data:
        raise ValueError(
            f"preset {name} divides by windows of time, which no preset can know: write "
            "`data.division: {method: windows, history: {start: ..., end: ...}, target: ..., "
            "inference: ...}`, or another division"
        )
    for section, keys in PRESETS[name].items():
        own = content.get(section, {})
        # What is no mapping is a mistake that its own section names.
        content[section] = {**keys, **own} if isinstance(own, Mapping) else own
    return content
