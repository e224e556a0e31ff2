"""What KFP's interface shows of an evaluation, from files as TFMA and the Auditor leave them."""

import json

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_model_analysis.proto import metrics_for_slice_pb2

from audit.predictions import Predictions, write_predictions
from contract.features import ACTIVITY
from kubeflow import results
from kubeflow.curves import curves

_TASKS = {"likes": ["no", "yes"], "age": ["young", "middle", "old"]}
_YES = np.float32([0.9, 0.6, 0.4, 0.7, 0.1, 0.8])
# Three positives, two negatives, and one of whom it is not known.
_LIKES = np.array([1, 1, 1, 0, 0, -1])
_AGE = np.array([0, 0, 1, 2, -1, -1])
_OLD = np.float32([[1, 0, 0], [0.5, 0.3, 0.2], [0, 0.4, 0.6], [0.1, 0, 0.9], [1, 0, 0], [1, 0, 0]])


def _predictions(likes=_LIKES):
    users = len(likes)
    return Predictions(
        users=np.array([str(i) for i in range(users)]),
        groups={},
        labels={"likes": likes, "age": _AGE[:users]},
        scores={"likes": np.stack([1 - _YES, _YES], axis=1)[:users], "age": _OLD[:users]},
        baseline={},
    )


def _metric(message, task, name, value, *, class_id=None, model=""):
    item = message.metric_keys_and_values.add()
    item.key.output_name, item.key.name, item.key.model_name = task, name, model
    if class_id is not None:
        item.key.sub_key.class_id.value = class_id
    item.value.double_value.value = value


@pytest.fixture
def store(tmp_path):
    """An evaluation as TFMA's writers leave it, of a model with a baseline, and its audit."""
    store = tmp_path / "s3" / "b"
    overall = metrics_for_slice_pb2.MetricsForSlice()
    _metric(overall, "likes", "auc", 0.75, class_id=1)
    _metric(overall, "likes", "auc", 0.5, class_id=1, model="baseline")
    _metric(overall, "age", "auc", 0.875)
    _metric(overall, "age", "auc", 0.125, class_id=2)
    _metric(overall, "age", "calibration", float("nan"))
    group = metrics_for_slice_pb2.MetricsForSlice()
    part = group.slice_key.single_slice_keys.add()
    part.column, part.bytes_value = ACTIVITY, b"1 to 5"
    _metric(group, "likes", "auc", 0.25, class_id=1)
    (store / "evaluation").mkdir(parents=True)
    with tf.io.TFRecordWriter(str(store / "evaluation" / "metrics-00000-of-00001")) as writer:
        for message in (overall, group):
            writer.write(message.SerializeToString())
    (store / "audit").mkdir()
    write_predictions(_predictions(), str(store / "audit" / "predictions.parquet"))
    (store / "audit" / "report.html").write_text("<h1>Café</h1>", encoding="utf-8")
    return store


def test_what_kfp_is_given(store, tmp_path, monkeypatch):
    monkeypatch.setenv("KFP_LAUNCHER_ROOT", str(tmp_path))
    names = ("metrics", "page", "curves_likes", "curves_age")
    executor_input = {
        "inputs": {
            "artifacts": {
                "evaluation": {"artifacts": [{"uri": "s3://b/evaluation"}]},
                "audit": {"artifacts": [{"uri": "s3://b/audit"}]},
                "blessing": {"artifacts": [{"uri": "s3://b/x", "metadata": {"blessed": 0.0}}]},
            },
            "parameterValues": {"tasks": json.dumps(_TASKS), "code_digest": ""},
        },
        "outputs": {
            "artifacts": {n: {"artifacts": [{"uri": f"s3://b/out/{n}"}]} for n in names},
            "outputFile": str(tmp_path / "output.json"),
        },
    }
    results.main([json.dumps(executor_input)])
    written = json.loads((tmp_path / "output.json").read_text())["artifacts"]
    metadata = {name: each["artifacts"][0]["metadata"] for name, each in written.items()}
    assert metadata["metrics"] == {"blessed": 0.0, "likes_auc": 0.75, "age_auc": 0.875}
    points = [
        (at["confidenceThreshold"], at["falsePositiveRate"], at["recall"])
        for at in metadata["curves_likes"]["confidenceMetrics"]
    ]
    third = pytest.approx(1 / 3)
    assert points == [
        (1.0, 0.0, 0.0),
        (pytest.approx(0.9), 0.0, third),
        (pytest.approx(0.7), 0.5, third),
        (pytest.approx(0.4), 0.5, 1.0),
        (pytest.approx(0.1), 1.0, 1.0),
    ]
    assert metadata["curves_likes"]["confusionMatrix"]["rows"] == [
        {"row": [1, 1]},
        {"row": [1, 2]},
    ]
    assert metadata["curves_age"] == {
        "confusionMatrix": {
            "annotationSpecs": [{"displayName": name} for name in _TASKS["age"]],
            "rows": [{"row": [2, 0, 0]}, {"row": [0, 0, 1]}, {"row": [0, 0, 1]}],
        }
    }
    folder = store / "out"
    assert {file.name for file in folder.iterdir()} == set(names)
    assert (folder / "page").read_text(encoding="utf-8") == "<h1>Café</h1>"


@pytest.mark.parametrize("likes", [[1, 1, -1], [-1, -1, -1]])
def test_without_both_classes_there_is_no_curve(likes):
    shown = curves(_predictions(np.array(likes)), "likes", _TASKS["likes"])
    assert set(shown) == {"confusionMatrix"}
    assert json.loads(json.dumps(shown)) == shown


def test_a_curve_of_many_users_is_thinned():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 5_000)
    yes = rng.random(5_000).astype(np.float32)
    many = Predictions(
        users=labels.astype(str),
        groups={},
        labels={"likes": labels},
        scores={"likes": np.stack([1 - yes, yes], axis=1)},
        baseline={},
    )
    points = curves(many, "likes", _TASKS["likes"])["confidenceMetrics"]
    assert 50 < len(points) <= 101
    ends = [(at["falsePositiveRate"], at["recall"]) for at in (points[0], points[-1])]
    assert ends == [(0, 0), (1, 1)]
