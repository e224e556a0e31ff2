"""Checks of the data and of the vectors, each by hand."""

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv

from audit.checks import split_checks, windows_check
from audit.drift import drift_check, earlier_statistics, measure_drift
from audit.permutation import permutation_check
from audit.record import STATISTICS_FILE
from audit.scoring import Vectors
from audit.trust import carry
from audit.vectors_section import (
    neighbour_overlap,
    participation_ratio,
    rank_me,
    vectors_section,
)
from serving.releases.model_digest import model_digest
from tests.audit.audited import made_predictions


def _split(folder, name, users):
    def texts(values):
        encoded = [value.encode() for value in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))

    path = folder / f"{name}.gz"
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for user, history in users.items():
            features = {"user_id": texts([user]), "behaviors": texts(history)}
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    return str(path)


def test_what_is_in_two_splits_is_counted(tmp_path):
    patterns = {
        "train": _split(tmp_path, "train", {"a": ["boots"], "b": ["tent", "map"], "c": ["ab"]}),
        "eval": _split(tmp_path, "eval", {"a": ["x"], "d": ["tent", "map"], "e": ["a", "b"]}),
        "validation": _split(tmp_path, "validation", {"f": ["map", "tent"]}),
    }
    users, histories = split_checks(patterns)
    assert users["holds"] is False
    assert "users in both train and eval 1, train and validation 0" in users["evidence"]
    assert "users: train 3, eval 3, validation 1" in users["evidence"]
    assert histories["holds"] is False
    # The same texts in another order, or cut elsewhere, are another history.
    assert "histories in both train and eval 1, train and validation 0" in histories["evidence"]


def test_splits_without_anything_in_common_hold(tmp_path):
    patterns = {
        "train": _split(tmp_path, "train", {"a": ["boots"]}),
        "eval": _split(tmp_path, "eval", {"b": []}),
    }
    assert all(check["holds"] for check in split_checks(patterns))


@pytest.mark.parametrize(
    ("division", "holds"),
    [
        ({"method": "fraction", "fraction": 0.5}, True),
        ({"method": "windows", "history": {"end": 10.0}, "target": {"start": 10.0}}, True),
        ({"method": "windows", "history": {"end": 11.0}, "target": {"start": 10.0}}, False),
        (None, None),
    ],
)
def test_windows(division, holds):
    assert windows_check({"data": {"division": division}})["holds"] is holds


def test_permuted_labels_are_guessed():
    check = permutation_check(made_predictions())
    assert check["holds"] is True
    assert "likes 0." in check["evidence"]


def test_rank_me_and_participation_by_hand():
    vectors = np.diag([3.0, 1.0])
    # Shares 3/4 and 1/4: entropy 0.5623.
    assert rank_me(vectors) == pytest.approx(np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25))))
    assert rank_me(np.diag([3.0, 1.0, 0.0])) == pytest.approx(rank_me(vectors))
    # Variances 4 and 1 along the axes: 25 / 17.
    points = np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]])
    assert participation_ratio(points) == pytest.approx(25 / 17)
    assert participation_ratio(np.ones((4, 2))) == 0


def test_neighbours_are_kept_by_a_rotation_and_not_by_chance():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 5))
    rotation, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    assert neighbour_overlap(vectors, 3 * vectors @ rotation) == 1.0
    # Ten of 199 by chance.
    assert neighbour_overlap(vectors, rng.normal(size=(200, 5))) == pytest.approx(0.05, abs=0.02)


def test_users_without_a_word_are_left_out():
    vectors = np.random.default_rng(1).normal(size=(40, 4)).astype(np.float32)
    wordless = np.arange(40) < 15
    vectors[wordless] = 7
    users = np.array([f"{number:02d}" for number in range(40)])
    section = vectors_section(Vectors(users, vectors, wordless, vectors))
    assert (section["probes"], section["wordless"]) == (25, 15)
    assert section["rank_me"] == pytest.approx(rank_me(vectors[15:].astype(float)))
    assert section["neighbour_overlap"] == 1.0
    few = vectors_section(Vectors(users[:20], vectors[:20], wordless[:20], None))
    assert (few["probes"], few["rank_me"], few["neighbour_overlap"]) == (5, None, None)


def _statistics(folder, name, share):
    table = pd.DataFrame(
        {
            "group": ["a"] * share + ["b"] * (100 - share),
            "number": [1] * share + [2] * (100 - share),
            "user_id": [f"{name}{place}" for place in range(100)],
        }
    )
    path = folder / name
    path.mkdir()
    statistics = tfdv.generate_statistics_from_dataframe(table)
    (path / STATISTICS_FILE).write_bytes(statistics.SerializeToString())
    return str(path / STATISTICS_FILE)


def _divergence(one, other):
    one, other = np.array([one, 1 - one]), np.array([other, 1 - other])
    middle = (one + other) / 2
    return float(sum((each * np.log2(each / middle)).sum() for each in (one, other)) / 2)


def test_drift_is_tfdvs_and_by_hand(tmp_path):
    before, same, other = (
        _statistics(tmp_path, name, share) for name, share in (("1", 50), ("2", 50), ("3", 95))
    )
    assert measure_drift(same, before) == pytest.approx({"group": 0, "number": 0}, abs=1e-9)
    drift = measure_drift(other, before)
    assert drift["group"] == pytest.approx(_divergence(0.95, 0.5), abs=1e-3)
    assert drift_check(same, before)["holds"] is True
    check = drift_check(other, before)
    assert check["holds"] is False
    assert "group 0.2" in check["evidence"]
    assert drift_check(other, None)["holds"] is None


def test_the_last_blessed_models_statistics_are_found(tmp_path):
    models = [tmp_path / "model", tmp_path / "another"]
    for model in models:
        model.mkdir()
        (model / "saved_model.pb").write_text(model.name)
    kept = _statistics(tmp_path, "3", 50)
    record = {"model": {"digest": model_digest(str(models[0]))}}
    (tmp_path / "3" / "audit.json").write_text(json.dumps(record))
    audit = str(tmp_path / "4")
    assert earlier_statistics(audit, str(models[0])) == kept
    assert earlier_statistics(audit, str(models[1])) is None
    # On Kubeflow audits lie in other places; there a pushed version carries its own.
    carry(str(tmp_path / "3"), str(models[1]))
    assert earlier_statistics(audit, str(models[1])) == f"{models[1]}/audit/{STATISTICS_FILE}"
