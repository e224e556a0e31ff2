"""The whole pipeline, run as a user runs it: every test goes on where the first run ended."""

import glob
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from sklearn.metrics import accuracy_score, roc_auc_score

from audit.record import read_record
from contract.event_channels import EVENT_CHANNELS
from serving.releases.model_digest import model_digest
from trainer.encoder.dataset import user_events

pytestmark = pytest.mark.slow

_DATA_STEPS = {
    f"{kind}{step}"
    for kind in ("Unlabelled", "Labelled")
    for step in ("ExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator")
} | {"Transform"}


def test_a_killed_run_is_resumed_and_ends_with_a_pushed_model(pipeline, first_run):
    assert {name for name, state in first_run.states.items() if state == "cached"} >= _DATA_STEPS
    assert first_run.ran >= {"EncoderTrainer", "HeadsTrainer", "Evaluator", "Auditor", "Pusher"}
    assert len(pipeline.versions) == 1
    assert first_run.summary["model"] == pipeline.served
    for task in pipeline.config["tasks"]:
        assert task in first_run.text
    assert "WARNING" not in first_run.text
    assert "no earlier model to be compatible with: trains as for the first time" in first_run.text
    assert first_run.summary["compatibility"] is None


def test_metrics_agree_with_scikit_learn(pipeline, first_run):
    tasks = first_run.summary["tasks"]
    features, predictions = _evaluation_examples(pipeline)
    record = read_record(first_run.summary["audit"])
    assert record["model"]["digest"] == model_digest(pipeline.served)
    for task, metrics in tasks.items():
        known = features[f"{task}_weight"] > 0
        truth, probabilities = features[task][known], predictions[task][known]
        if probabilities.shape[1] == 2:
            auc = roc_auc_score(truth, probabilities[:, 1])
        else:
            auc = roc_auc_score(truth, probabilities, multi_class="ovr", average="macro")
        # TFMA sums over 10,000 thresholds.
        assert metrics["auc"] == pytest.approx(auc, abs=2e-3)
        accuracy = accuracy_score(truth, probabilities.argmax(axis=1))
        assert metrics["sparse_categorical_accuracy"] == pytest.approx(accuracy, abs=1e-5)
        assert metrics["example_count"] == known.sum()
        assert sum(group["example_count"] for group in metrics["activity"].values()) == known.sum()
        assert 2 <= len(metrics["activity"]) <= 4
        # The audit computes from the scores themselves.
        audited = record["tasks"][task]
        assert audited["auc"]["value"] == pytest.approx(auc, abs=1e-9)
        assert audited["tfma"]["auc"] == metrics["auc"]
        assert audited["users"] == known.sum()


def test_events_travel_from_the_logs_to_the_trainers(pipeline):
    def features(component, key, split):
        files = glob.glob(f"{pipeline.artifact(component, key)}/Split-{split}/*")
        records = tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()
        return [tf.train.Example.FromString(record).features.feature for record in records]

    labelled = features("LabelledExampleGen", "examples", "eval")
    moments = [list(user["timestamps"].int64_list.value) for user in labelled]
    assert [len(each) for each in moments] == [
        len(user["behaviors"].bytes_list.value) for user in labelled
    ]
    assert all(each == sorted(each) and each[0] > 1_000_000_000 for each in moments)
    for user in labelled:
        types, values = user["types"].bytes_list.value, user["values"].float_list.value
        assert len(types) == len(values) == len(user["behaviors"].bytes_list.value)
        assert {*types} <= {b"search", b"view", b"cart", b"buy"}
        # A search has no price.
        assert [kind == b"search" for kind in types] == np.isnan(values).tolist()

    graph = tft.TFTransformOutput(pipeline.artifact("Transform", "transform_graph"))
    files = f"{pipeline.artifact('Transform', 'transformed_examples')}/Split-train/*"
    transformed = user_events(files, graph.transformed_feature_spec(), EVENT_CHANNELS)
    raw = [
        [*user["history_timestamps"].int64_list.value, *user["target_timestamps"].int64_list.value]
        for user in features("UnlabelledExampleGen", "examples", "train")
    ]
    assert sorted(each.tolist() for each in transformed["time"]) == sorted(raw)
    types, values = (np.concatenate(transformed[name]) for name in ("type", "value"))
    # Views are the most frequent; searches, which have no price, come next.
    assert np.argsort(-np.bincount(types)).tolist()[:2] == [1, 2]
    np.testing.assert_array_equal(values == 0, types == 2)
    # Of training users every percentile has as many.
    np.testing.assert_allclose(np.bincount(values)[1:] / (values > 0).sum(), 0.01, atol=0.005)


def test_a_second_run_executes_nothing_with_other_beam_options_neither(pipeline, first_run):
    with pipeline.changed(beam={"components": {"Transform": ["--direct_num_workers=1"]}}):
        run = pipeline.run()
    assert run.exit_code == 0
    assert run.ran == set()
    assert len(run.states) == 16
    assert pipeline.versions == [os.path.basename(first_run.summary["model"])]
    assert "unchanged, already pushed" in run.text


@pytest.mark.one_stack
def test_edited_heads_rerun_the_heads_alone(pipeline):
    with pipeline.changed(heads={**pipeline.config["heads"], "hidden_units": 16}):
        run = pipeline.run()
    assert run.exit_code == 0, run.text
    assert run.ran == {"HeadsTrainer", "Evaluator", "Auditor", "Pusher"}
    assert len(pipeline.versions) == 2
    assert all("baseline_auc" in task for task in run.summary["tasks"].values())


@pytest.mark.one_stack
def test_impossible_thresholds_are_not_blessed(pipeline):
    versions = pipeline.versions
    with pipeline.changed(evaluation={"min_auc": 0.999, "max_auc_drop": None}):
        run = pipeline.run()
    assert run.exit_code == 3
    assert run.ran == {"Evaluator", "Auditor"}
    assert "nothing pushed: the model was not blessed" in run.text
    assert pipeline.versions == versions
    assert "likes_outdoor: auc is 0." in run.text
    assert "at least 0.999 needed" in run.text
    assert not run.summary["pushed"]
    assert len(run.summary["reasons"]) == 4


def test_a_model_that_falls_behind_the_last_blessed_one_is_not_blessed(pipeline):
    versions = pipeline.versions
    with pipeline.changed(
        evaluation={"min_auc": 0.0, "max_auc_drop": 0.0},
        heads={"max_epochs": 1, "learning_rate": 1e-9, "regression": False},
    ):
        run = pipeline.run()
    assert run.exit_code == 3, run.text
    assert pipeline.versions == versions
    assert "and more than chance: refused by the paired interval" in run.text
    assert not read_record(run.summary["audit"])["verdict"]["blessed"]


def test_a_removed_model_is_pushed_again_a_tampered_one_is_made_anew(pipeline):
    shutil.rmtree(os.path.dirname(pipeline.served))
    run = pipeline.run()
    assert run.exit_code == 0, run.text
    assert run.ran == {"Pusher"}
    assert len(pipeline.versions) == 1

    shutil.rmtree(os.path.dirname(pipeline.served))
    models = pipeline.output / "artifacts" / "HeadsTrainer" / "model"
    graphs = {path: path.read_bytes() for path in models.glob("*/Format-Serving/saved_model.pb")}
    for path, graph in graphs.items():
        path.write_bytes(graph + b"\0")
    run = pipeline.run()
    # protobuf 6 refuses a graph with the byte, and the tests below load these models.
    for path, graph in graphs.items():
        path.write_bytes(graph)
    assert run.exit_code == 0, run.text
    assert "is not what an earlier run left there; not used" in run.text
    assert run.ran >= {"HeadsTrainer", "Pusher"}
    assert len(pipeline.versions) == 1


def test_bad_data_stops_the_run_with_a_reason(pipeline):
    tasks = {**pipeline.config["tasks"], "likes_outdoor": {"classes": ["0", "1", "7"]}}
    with pipeline.changed(tasks=tasks):
        run = pipeline.run()
    assert run.exit_code == 1
    assert "LabelledExampleGen failed" in run.text
    assert "Task likes_outdoor has no train user of class 7" in run.text
    assert "Traceback" not in run.text


def _evaluation_examples(pipeline):
    """Labels of the evaluation split, and what the pushed model predicts from its texts."""
    tasks = pipeline.config["tasks"]
    spec = {task: tf.io.FixedLenFeature([], tf.int64) for task in tasks}
    spec |= {f"{task}_weight": tf.io.FixedLenFeature([], tf.float32) for task in tasks}
    files = glob.glob(f"{pipeline.artifact('LabelledExampleGen', 'examples')}/Split-eval/*")
    examples = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
    features = tf.io.parse_example(examples, spec)
    model = tf.saved_model.load(pipeline.served)
    predictions = model.signatures["serving_default"](examples=tf.constant(examples))
    return (
        {name: np.asarray(values) for name, values in features.items()},
        {name: np.asarray(values) for name, values in predictions.items()},
    )
