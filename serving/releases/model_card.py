"""The model card: what a pushed version is, in one JSON file inside its folder."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
from typing import Any

from tfx.dsl.io import fileio

from contract.event_channels import further_channels_of
from contract.signatures import (
    ENCODE,
    ENCODE_WITH_CHANNELS,
    ENCODE_WITH_TIMESTAMPS,
    SERVING_DEFAULT,
    USER_VECTORS,
)
from serving.releases.evaluation_metrics import overall_metrics
from serving.releases.releases import MODEL_CARD

_PACKAGES = ("tensorflow", "keras", "tfx", "tensorflow-transform")


def model_card(
    *,
    name: str,
    version: int,
    digest: str,
    configuration: dict[str, Any],
    evaluation_uri: str,
    lineage: dict[str, Any],
) -> dict[str, Any]:
    """Collects what a user of the model, and who has to trace it back, wants to know.

    Args:
        name: Of the served model.
        version: Its number.
        digest: `model_digest` of its files; the card itself does not count.
        configuration: Of the pipeline; `tasks` has the classes, `text` is the tokeniser's.
        evaluation_uri: The Evaluator's output; empty if there is none.
        lineage: The artifacts and the run that the version comes from.

    Returns:
        JSON object: `name`, `version`, `digest`, `pushed_at` (ISO 8601, UTC), `signatures`, `tasks`
        (task to its classes), `tokenizer`, `metrics` (task to metric to value, of all users of the
        evaluation), `configuration`, `lineage`, `software`.
    """
    tasks = {
        task: list(settings["classes"]) for task, settings in configuration.get("tasks", {}).items()
    }
    channels = configuration.get("data", {}).get("channels", ())
    return {
        "name": name,
        "version": version,
        "digest": digest,
        "pushed_at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "signatures": [
            *(SERVING_DEFAULT, ENCODE, ENCODE_WITH_TIMESTAMPS, USER_VECTORS),
            *([ENCODE_WITH_CHANNELS] if further_channels_of(channels) else []),
        ],
        "tasks": tasks,
        "tokenizer": configuration.get("text", {}),
        "metrics": overall_metrics(evaluation_uri, tasks) if evaluation_uri else {},
        "configuration": configuration,
        "lineage": lineage,
        "software": {
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in _PACKAGES},
        },
    }


def write_model_card(card: dict[str, Any], path: str) -> None:
    """Writes the card into a version's folder."""
    with fileio.open(os.path.join(path, MODEL_CARD), "w") as file:
        file.write(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
