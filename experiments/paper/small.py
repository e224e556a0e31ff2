"""A small data set that every command can run on within a minute: generated logs."""

from __future__ import annotations

import pathlib

import yaml

from experiments.datasets.writer import CONFIG
from ingestion.synthetic_logs import AGE_RANGES, generate

USERS = 300
_MEAN_BEHAVIORS = 12


def write_small(folder: pathlib.Path) -> None:
    """Writes generated events, labels and a configuration of a very small encoder.

    Args:
        folder: Where they go; left alone if it has them.
    """
    if (folder / CONFIG).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    generate(str(folder), users=USERS, mean_behaviors=_MEAN_BEHAVIORS)
    content = {
        "name": "small",
        "data": {"events": "events.jsonl.gz", "labels": "labels.csv", "channels": ["time"]},
        "tasks": {
            "likes_outdoor": {"classes": ["0", "1"]},
            "age_range": {"classes": list(AGE_RANGES)},
        },
        "text": {"vocabulary_size": 500},
        "encoder": {"dimension": 16, "hops": 2, "max_epochs": 1, "batch_size": 64},
        "heads": {"preset": "paper", "max_epochs": 3},
    }
    (folder / CONFIG).write_text(yaml.safe_dump(content, sort_keys=False))
