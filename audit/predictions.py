"""The evaluated users, what is true of them and what models say: the evidence behind every figure.

One row a user, sorted by pseudonym: `user`; `group.COLUMN`, the value of a column by which figures
are sliced, "" where there is none; `label.TASK`, index of the class, null where the label is
missing; `score.TASK`, the probabilities of the classes; `baseline.TASK`, those of the last blessed
model, where there is one that has the task.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from audit.parquet import read_parquet, to_lists, to_rows, write_parquet

PREDICTIONS_FILE = "predictions.parquet"

_USER, _GROUP, _LABEL, _SCORE, _BASELINE = "user", "group.", "label.", "score.", "baseline."
_MISSING = -1


@dataclasses.dataclass(frozen=True)
class Predictions:
    """The evaluated users.

    Attributes:
        users: Str [users], pseudonyms in ascending order.
        groups: Column -> str [users].
        labels: Task -> int [users], index of the class; -1 where the label is missing.
        scores: Task -> float32 [users, classes], of the model.
        baseline: Task -> float32 [users, classes], of the last blessed model; empty without one.
    """

    users: np.ndarray
    groups: Mapping[str, np.ndarray]
    labels: Mapping[str, np.ndarray]
    scores: Mapping[str, np.ndarray]
    baseline: Mapping[str, np.ndarray]

    def sorted(self) -> Predictions:
        """The same users by pseudonym: no file or machine decides on the order."""
        order = np.argsort(self.users, kind="stable")
        parts = {
            field.name: {key: values[order] for key, values in getattr(self, field.name).items()}
            for field in dataclasses.fields(self)
            if field.name != "users"
        }
        return Predictions(self.users[order], **parts)

    def known(self, task: str) -> np.ndarray:
        """Bool [users]: who has a label of the task."""
        return self.labels[task] != _MISSING


def write_predictions(predictions: Predictions, path: str) -> None:
    """Writes a Parquet file; the same users, the same bytes."""
    columns: dict[str, pa.Array] = {_USER: pa.array(predictions.users.tolist(), pa.string())}
    for name, values in predictions.groups.items():
        columns[_GROUP + name] = pa.array(values.tolist(), pa.string())
    for task, labels in predictions.labels.items():
        columns[_LABEL + task] = pa.array(labels, pa.int32(), mask=labels == _MISSING)
    for prefix, scores in ((_SCORE, predictions.scores), (_BASELINE, predictions.baseline)):
        for task, values in scores.items():
            columns[prefix + task] = to_lists(values)
    write_parquet(pa.table(columns), path)


def read_predictions(path: str) -> Predictions:
    """Reads what `write_predictions` wrote.

    Raises:
        OSError, pyarrow.ArrowException, KeyError: It is no such file.
    """
    table = read_parquet(path)

    def columns(prefix: str) -> dict[str, pa.Array]:
        return {
            name.removeprefix(prefix): table.column(name).combine_chunks()
            for name in table.column_names
            if name.startswith(prefix)
        }

    def scores(prefix: str) -> dict[str, np.ndarray]:
        return {task: to_rows(values) for task, values in columns(prefix).items()}

    return Predictions(
        users=_text(table.column(_USER)),
        groups={name: _text(values) for name, values in columns(_GROUP).items()},
        labels={
            task: values.fill_null(_MISSING).to_numpy(zero_copy_only=False).astype(np.int64)
            for task, values in columns(_LABEL).items()
        },
        scores=scores(_SCORE),
        baseline=scores(_BASELINE),
    )


def _text(values: pa.Array) -> np.ndarray:
    return np.array(values.to_pylist(), dtype=np.str_)
