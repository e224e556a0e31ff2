"""What KFP's interface shows of an evaluation, from files as TFMA leaves them."""

import json

import pytest
import tensorflow as tf
from tensorflow_model_analysis.proto import metrics_for_slice_pb2, validation_result_pb2

from audit.gate import COMPARISON_FILE
from contract.features import ACTIVITY
from kubeflow import results
from kubeflow.evaluation_results import read_results

_TASKS = {"likes": ["no", "yes"], "age": ["young", "middle", "old"]}
# (threshold, false negatives, true negatives, false positives, true positives): three positives of
# 0.9, 0.6 and 0.4, two negatives of 0.7 and 0.1.
_MATRICES = [(-1e-6, 0, 0, 2, 3), (0.2, 0, 1, 1, 3), (0.5, 1, 1, 1, 2), (0.8, 2, 2, 0, 1)]
_CONFUSION = {("young", "young"): 4, ("middle", "old"): 2, ("old", "old"): 3}


def _write(path, messages):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(f"{path}-00000-of-00001") as writer:
        for message in messages:
            writer.write(message.SerializeToString())


def _slice(message, of_group):
    if of_group:
        part = message.slice_key.single_slice_keys.add()
        part.column, part.bytes_value = ACTIVITY, b"1 to 5"
    return message


def _metric(message, task, name, value, *, class_id=None, model=""):
    item = message.metric_keys_and_values.add()
    item.key.output_name, item.key.name, item.key.model_name = task, name, model
    if class_id is not None:
        item.key.sub_key.class_id.value = class_id
    item.value.double_value.value = value


def _plots(of_group=False):
    message = _slice(metrics_for_slice_pb2.PlotsForSlice(), of_group)
    item = message.plot_keys_and_values.add()
    item.key.output_name = "likes"
    for threshold, fn, tn, fp, tp in [] if of_group else _MATRICES:
        item.value.confusion_matrix_at_thresholds.matrices.add(
            threshold=threshold,
            false_negatives=fn,
            true_negatives=tn,
            false_positives=fp,
            true_positives=tp,
        )
    item = message.plot_keys_and_values.add()
    item.key.output_name = "age"
    matrix = item.value.multi_class_confusion_matrix_at_thresholds.matrices.add()
    for (actual, predicted), users in _CONFUSION.items():
        matrix.entries.add(
            actual_class_id=_TASKS["age"].index(actual),
            predicted_class_id=_TASKS["age"].index(predicted),
            num_weighted_examples=100 if of_group else users,
        )
    return message


@pytest.fixture
def evaluation(tmp_path):
    """Files as TFMA's writers leave them, of a model with a baseline."""
    folder = tmp_path / "s3" / "b" / "evaluation"
    overall = metrics_for_slice_pb2.MetricsForSlice()
    _metric(overall, "likes", "auc", 0.75, class_id=1)
    _metric(overall, "likes", "auc", 0.5, class_id=1, model="baseline")
    _metric(overall, "age", "auc", 0.875)
    _metric(overall, "age", "auc", 0.125, class_id=2)
    _metric(overall, "age", "calibration", float("nan"))
    group = _slice(metrics_for_slice_pb2.MetricsForSlice(), True)
    _metric(group, "likes", "auc", 0.25, class_id=1)
    _write(folder / "metrics", [overall, group])
    _write(folder / "plots", [_plots(), _plots(of_group=True)])
    validation = validation_result_pb2.ValidationResult()
    failure = validation.metric_validations_per_slice.add().failures.add()
    failure.metric_key.output_name, failure.metric_key.name = "likes", "auc"
    failure.metric_value.double_value.value = 0.75
    failure.metric_threshold.value_threshold.lower_bound.value = 0.8
    _write(folder / "validations", [validation])
    (folder / COMPARISON_FILE).write_text("{}")
    return folder


def test_what_is_read(evaluation):
    found = read_results(str(evaluation), _TASKS)
    assert found["likes"].metrics == {"auc": 0.75}
    assert found["likes"].confusion == [[1, 1], [1, 2]]
    rates = [(fpr, tpr) for _, fpr, tpr in found["likes"].roc]
    assert rates == [(0, pytest.approx(1 / 3)), (0.5, pytest.approx(2 / 3)), (0.5, 1), (1, 1)]
    assert found["age"].metrics == {"auc": 0.875}
    assert found["age"].confusion == [[4, 0, 0], [0, 0, 2], [0, 0, 3]]
    assert not found["age"].roc


def test_what_kfp_is_given(evaluation, tmp_path, monkeypatch):
    monkeypatch.setenv("KFP_LAUNCHER_ROOT", str(tmp_path))
    names = ("metrics", "page", "curves_likes", "curves_age")
    executor_input = {
        "inputs": {
            "artifacts": {
                "evaluation": {"artifacts": [{"uri": "s3://b/evaluation"}]},
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
    assert metadata["curves_likes"]["confidenceMetrics"][1] == {
        "confidenceThreshold": 0.5,
        "falsePositiveRate": 0.5,
        "recall": pytest.approx(2 / 3),
    }
    assert metadata["curves_age"] == {
        "confusionMatrix": {
            "annotationSpecs": [{"displayName": name} for name in _TASKS["age"]],
            "rows": [{"row": [4, 0, 0]}, {"row": [0, 0, 2]}, {"row": [0, 0, 3]}],
        }
    }
    folder = tmp_path / "s3" / "b" / "out"
    assert {file.name for file in folder.iterdir()} == set(names)
    page = (folder / "page").read_text()
    assert "<h1>Not blessed</h1>" in page
    assert "<li>likes: auc is 0.750, at least 0.8 needed</li>" in page


def test_names_in_the_page_are_text(evaluation, tmp_path):
    from kubeflow.result_page import result_page

    page = result_page(True, [], read_results(str(evaluation), {"likes": ["<b>", "x"]}))
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
