"""The part of the record that says what a new model means for who uses the vectors of the last."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tfx.dsl.io import fileio

from audit.scoring import PROBES
from audit.statistics.auc import task_auc
from audit.vectors_section import NEIGHBOURS, neighbour_overlap
from contract.features import weight_name
from contract.signatures import USER_VECTOR
from serving.releases.model_digest import model_digest
from trainer.heads.alignment import read_alignment
from trainer.heads.served import HEADS
from trainer.heads.training import batches_of

_MOST_USERS = 20_000


class _Users(NamedTuple):
    """What two models say of the same users.

    Attributes:
        new: Float32 [users, d], vectors of the new model.
        old: Float32 [users, d], of the earlier one.
        probabilities: Task -> of the new and of the earlier model, float32 [users, classes] each.
        labels: Task -> classes, int64 [users], and whether they are known, bool [users].
    """

    new: np.ndarray
    old: np.ndarray
    probabilities: dict[str, tuple[np.ndarray, np.ndarray]]
    labels: dict[str, tuple[np.ndarray, np.ndarray]]


def compatibility_section(
    model: str, examples: Sequence[str], tasks: Sequence[str]
) -> dict[str, Any] | None:
    """Measures an aligned model against the one that it was aligned to.

    Args:
        model: Folder of the exported model.
        examples: Patterns of labelled examples of users whom nothing was trained on.
        tasks: To be measured.

    Returns:
        As of `measure`; None if the model was not aligned, or the earlier one is there no more.
    """
    alignment = read_alignment(model)
    if alignment is None or not fileio.exists(alignment.previous):
        return None
    return measure(
        model,
        alignment.previous,
        examples,
        tasks,
        rotation=alignment.rotation,
        probes=alignment.probes,
    )


def measure(
    model: str,
    previous: str,
    examples: Sequence[str],
    tasks: Sequence[str],
    *,
    rotation: np.ndarray | None = None,
    probes: int = 0,
) -> dict[str, Any]:
    """Compares two models' vectors, and what the earlier one's heads make of the new vectors.

    Args:
        model: Folder of the new model.
        previous: Folder of the earlier one, whose vectors are as long.
        examples: Patterns of labelled examples.
        tasks: To be measured; those that one of the models lacks are left out.
        rotation: Float32 [d, d], by which the new model was turned; None: it was not.
        probes: Users whom the rotation was fitted on.

    Returns:
        `previous` (`path`, `digest`), `probes`, `users`; `neighbours_within`, the share of the ten
        nearest that users keep, each model asked by itself, which no turning changes; `aligned`,
        of the vectors as they are served, and `unaligned`, as they would be without the rotation
        (None without one): `mean_cosine` of a user's two vectors, `neighbours_across`, the share of
        the ten nearest among the old vectors that the new vector finds as the old one did, and
        `old_heads`, task -> AUC of the earlier heads on the new vectors; `new_heads` and
        `old_model`, task -> AUC of either model by itself. A figure that cannot be had is None.
    """
    new, old = tf.saved_model.load(model), tf.saved_model.load(previous)
    users = _score(new, old, examples, tasks)
    # Models that were pushed before heads could be asked alone have none.
    heads = getattr(old, HEADS, None)

    def figures(vectors: np.ndarray) -> dict[str, Any]:
        found = heads(tf.constant(vectors)) if heads else {}
        return {
            "mean_cosine": float(np.mean(np.sum(_unit(vectors) * _unit(users.old), axis=1))),
            "neighbours_across": _across(vectors[:PROBES], users.old[:PROBES]),
            "old_heads": {
                task: _auc(found[task].numpy() if task in found else None, users.labels[task])
                for task in users.probabilities
            },
        }

    first = users.new[:PROBES].astype("float64"), users.old[:PROBES].astype("float64")
    enough = len(first[0]) > NEIGHBOURS
    return {
        "previous": {"path": previous, "digest": model_digest(previous)},
        "probes": probes,
        "users": len(users.new),
        "neighbours_within": neighbour_overlap(*first) if enough else None,
        "aligned": figures(users.new) if rotation is not None else None,
        "unaligned": figures(users.new if rotation is None else users.new @ rotation.T),
        **{
            name: {
                task: _auc(both[number], users.labels[task])
                for task, both in users.probabilities.items()
            }
            for number, name in enumerate(("new_heads", "old_model"))
        },
    }


def _score(new: Any, old: Any, examples: Sequence[str], tasks: Sequence[str]) -> _Users:
    spec: dict[str, Any] = {}
    for task in tasks:
        spec[task] = tf.io.FixedLenFeature([], tf.int64)
        spec[weight_name(task)] = tf.io.FixedLenFeature([], tf.float32)
    rows: list[list[Mapping[str, Any]]] = [[], [], []]
    count = 0
    for serialized in batches_of(examples):
        features = tf.io.parse_example(serialized, spec)
        for found, part in zip(
            rows,
            (new.encode_examples(serialized), old.encode_examples(serialized), features),
            strict=True,
        ):
            found.append({name: value.numpy() for name, value in part.items()})
        count += int(serialized.shape[0])
        if count >= _MOST_USERS:
            break
    of_new, of_old, labels = (
        {name: np.concatenate([batch[name] for batch in found]) for name in found[0]}
        for found in rows
    )
    return _Users(
        of_new[USER_VECTOR],
        of_old[USER_VECTOR],
        {
            task: (of_new[task], of_old[task])
            for task in tasks
            if task in of_new and task in of_old and of_new[task].shape == of_old[task].shape
        },
        {task: (labels[task], labels[weight_name(task)] > 0) for task in tasks},
    )


def _auc(probabilities: np.ndarray | None, labels: tuple[np.ndarray, np.ndarray]) -> float | None:
    if probabilities is None:
        return None
    classes, known = labels
    if len(np.unique(classes[known])) < 2:
        return None
    auc = float(task_auc(probabilities, classes, known, np.ones((1, len(classes))))[0])
    return auc if math.isfinite(auc) else None


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(np.float32).tiny)


def _across(new: np.ndarray, old: np.ndarray) -> float | None:
    """The share of neighbours that an index of the old vectors still gives for the new ones."""
    if len(old) <= NEIGHBOURS:
        return None
    nearest = []
    for vectors in (new, old):
        similarities = _unit(vectors) @ _unit(old).T
        np.fill_diagonal(similarities, -np.inf)
        nearest.append(np.argpartition(-similarities, NEIGHBOURS, axis=1)[:, :NEIGHBOURS])
    shared = [
        len(set(one) & set(other))
        for one, other in zip(*map(np.ndarray.tolist, nearest), strict=True)
    ]
    return float(np.mean(shared)) / NEIGHBOURS
