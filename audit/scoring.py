"""What models say of the evaluated users, each scored once from the raw examples."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from audit.predictions import Predictions
from audit.pseudonyms import pseudonym
from contract.features import ACTIVITY, USER_ID, weight_name
from contract.signatures import EXAMPLES, SERVING_DEFAULT, USER_VECTOR
from serving.saved_model import SavedModelSession

PROBES = 1000
"""Users whose vectors are kept: those with the lowest pseudonyms, the same in every run."""

_BATCH = 256
_PROGRESS_SECONDS = 1.0

_progress = logging.getLogger("progress")


class Vectors(NamedTuple):
    """Vectors of the probe users.

    Attributes:
        users: Str [probes], pseudonyms in ascending order.
        vectors: Float32 [probes, d], of the model.
        wordless: Bool [probes]: the vector is that of an empty history, for no word is known.
        baseline: Float32 [probes, e], of the last blessed model; None without one.
    """

    users: np.ndarray
    vectors: np.ndarray
    wordless: np.ndarray
    baseline: np.ndarray | None


def score_users(
    pattern: str, classes: Mapping[str, int], model: str, baseline: str | None, key: bytes
) -> tuple[Predictions, Vectors]:
    """Scores users with a model, and with another one.

    Args:
        pattern: Files of serialised labelled examples, gzipped TFRecords.
        classes: Task -> the number of its classes.
        model: Folder of the SavedModel.
        baseline: Folder of the other one; None: there is none. Tasks that it lacks, or that have
            other classes there, are left out.
        key: Of the users' pseudonyms.

    Returns:
        The predictions, by pseudonym, and the vectors of the probe users.
    """
    scorers = [_Scorer(path, classes) for path in (model, *([baseline] if baseline else []))]
    try:
        return _score(pattern, classes, scorers, key)
    finally:
        for scorer in scorers:
            scorer.close()


class _Scorer:
    """A model that scores batches of examples."""

    def __init__(self, path: str, classes: Mapping[str, int]):
        self._session = SavedModelSession(path, os.cpu_count() or 1, optimize=False)
        signature = self._session.signatures[SERVING_DEFAULT]
        shapes = {
            name: [dim.size for dim in output.tensor_shape.dim]
            for name, output in signature.outputs.items()
        }
        self.tasks = [
            task for task in classes if task in shapes and shapes[task][-1] in (-1, classes[task])
        ]
        self.scores: dict[str, list[np.ndarray]] = {task: [] for task in self.tasks}
        nobody = np.array([tf.train.Example().SerializeToString()], object)
        (self.empty,) = self._session.run(SERVING_DEFAULT, {EXAMPLES: nobody}, [USER_VECTOR])[
            USER_VECTOR
        ]

    def __call__(self, examples: np.ndarray) -> np.ndarray:
        """Keeps the scores of a batch and returns its user vectors."""
        outputs = self._session.run(
            SERVING_DEFAULT, {EXAMPLES: examples}, [*self.tasks, USER_VECTOR]
        )
        for task in self.tasks:
            self.scores[task].append(outputs[task])
        return outputs[USER_VECTOR]

    def close(self) -> None:
        self._session.close()


def _score(
    pattern: str, classes: Mapping[str, int], scorers: Sequence[_Scorer], key: bytes
) -> tuple[Predictions, Vectors]:
    users: list[str] = []
    groups: list[str] = []
    labels: dict[str, list[np.ndarray]] = {task: [] for task in classes}
    probes: list[tuple[str, tuple[np.ndarray, ...]]] = []
    shown = time.monotonic()
    for examples, features in _batches(pattern, classes):
        names = [pseudonym(user, key) for user in features[USER_ID]]
        users += names
        groups += [group.decode() for group in features[ACTIVITY]]
        for task in classes:
            known = features[weight_name(task)] > 0
            labels[task].append(np.where(known, features[task], -1))
        vectors = [scorer(examples) for scorer in scorers]
        probes += zip(names, zip(*vectors, strict=True), strict=True)
        probes = sorted(probes, key=lambda probe: probe[0])[:PROBES]
        if time.monotonic() - shown > _PROGRESS_SECONDS:
            shown = time.monotonic()
            _progress.info("%s users scored", f"{len(users):,}")
    scores = [
        {task: np.concatenate(values) for task, values in scorer.scores.items()}
        for scorer in scorers
    ]
    predictions = Predictions(
        users=np.array(users),
        groups={ACTIVITY: np.array(groups)},
        labels={task: np.concatenate(values) for task, values in labels.items()},
        scores=scores[0],
        baseline=scores[1] if len(scores) > 1 else {},
    )
    kept = [np.stack(vectors) for vectors in zip(*(each for _, each in probes), strict=True)]
    wordless = np.isclose(kept[0], scorers[0].empty, atol=1e-6).all(axis=1)
    return predictions.sorted(), Vectors(
        users=np.array([name for name, _ in probes]),
        vectors=kept[0],
        wordless=wordless,
        baseline=kept[1] if len(kept) > 1 else None,
    )


def _batches(
    pattern: str, classes: Mapping[str, int]
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Yields serialised examples, object [batch], and their features."""
    spec = {
        USER_ID: tf.io.FixedLenFeature([], tf.string),
        ACTIVITY: tf.io.FixedLenFeature([], tf.string),
    }
    for task in classes:
        spec[task] = tf.io.FixedLenFeature([], tf.int64)
        spec[weight_name(task)] = tf.io.FixedLenFeature([], tf.float32)
    files = sorted(tf.io.gfile.glob(pattern))
    records = tf.data.TFRecordDataset(files, "GZIP").batch(_BATCH)
    parsed = records.map(lambda batch: (batch, tf.io.parse_example(batch, spec)))
    yield from parsed.prefetch(1).as_numpy_iterator()
