"""Level 2: the model gives these scores to the evaluation's users."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from audit.config import Gate
from audit.predictions import PREDICTIONS_FILE, read_predictions
from audit.pseudonyms import UserKeyError, user_key
from audit.verify.finding import BROKEN, HOLDS, UNKNOWN, Finding
from contract.splits import EVAL

_TOLERANCE = 1e-5


def check_scores(folder: str, version: str | None, record: Mapping[str, Any]) -> Iterator[Finding]:
    """Scores the evaluation's examples again.

    Args:
        folder: Of the audit.
        version: Of the model, if one was named.
        record: That keeps to the schema.

    Yields:
        The findings.
    """
    model = version or record["model"]["path"]
    examples = os.path.join(record["evaluation"]["source"], f"Split-{EVAL}")
    for path in (model, examples):
        if "://" not in path and not os.path.isdir(path):
            yield Finding(2, UNKNOWN, f"the scores cannot be computed again: {path} is not here")
            return
    try:
        key = user_key(record["evaluation"]["user_key_env"], record["pipeline"])
    except UserKeyError as error:
        yield Finding(2, UNKNOWN, f"the users cannot be told: {error}")
        return
    from audit.scoring import score_users

    gate = Gate.model_validate(record["gate"])
    classes = {task: len(names) for task, names in gate.classes.items()}
    again, _ = score_users(os.path.join(examples, "*"), classes, model, None, key)
    kept = read_predictions(os.path.join(folder, PREDICTIONS_FILE))
    if again.users.tolist() != kept.users.tolist():
        yield Finding(2, BROKEN, f"{PREDICTIONS_FILE} has other users than the examples")
        return
    for task in classes:
        wrong = np.flatnonzero(again.labels[task] != kept.labels[task])
        if len(wrong):
            yield Finding(
                2,
                BROKEN,
                f"{task}: the labels of {len(wrong)} users are not the examples', first "
                f"{kept.users[wrong[0]]}",
            )
        far = np.abs(again.scores[task] - kept.scores[task]).max(axis=1)
        if far.max() > _TOLERANCE:
            yield Finding(
                2,
                BROKEN,
                f"{task}: the model gives {int((far > _TOLERANCE).sum())} users other "
                f"scores, first {kept.users[int(np.argmax(far > _TOLERANCE))]}",
            )
        elif not len(wrong):
            yield Finding(
                2,
                HOLDS,
                f"{task}: the model gives all {len(far)} users these scores "
                f"(largest difference {far.max():.1e})",
            )
