"""Evaluator and Auditor on a tiny model: the blessing, the paired interval, and the audit."""

import dataclasses
import os

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
from sklearn.metrics import roc_auc_score
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import json_utils, proto_utils

from audit.config import AuditConfig, Gate
from audit.locate import locate
from audit.predictions import read_predictions, write_predictions
from audit.pseudonyms import pseudonym
from audit.record import read_record
from audit.verify.verify import verify
from components.auditor import Executor as AuditorExecutor
from components.sealing_evaluator import Executor as EvaluatorExecutor
from contract.features import ACTIVITY, BEHAVIORS, USER_ID, weight_name
from contract.signatures import USER_VECTOR
from ingestion.config import Task
from pipeline.config import EvaluationConfig
from pipeline.evaluation import eval_config, gate
from serving.releases.model_digest import MODEL_DIGEST_PROPERTY, model_digest
from tests.audit.audited import Audited
from trainer.export.signatures import ServedModel

_USERS = 150
_TASKS = {"wordy": Task()}


class _Lengths(ServedModel):
    """Takes users with many letters for wordy, but for the noise that a sine makes of them."""

    def __init__(self, noise):
        super().__init__()
        self.noise = tf.Variable(noise)

    def outputs(self, behaviors, events):
        size = tf.reduce_sum(tf.cast(tf.strings.length(behaviors), tf.float32), axis=1)
        chance = tf.sigmoid((size - 50) / 20 + self.noise * tf.sin(size * 1000))
        return {
            USER_VECTOR: tf.stack([size, chance], axis=1),
            "wordy": tf.stack([1 - chance, chance], axis=1),
        }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A good and a bad model, and labelled examples."""
    folder = tmp_path_factory.mktemp("evaluated")
    for name, noise in (("good", 0.5), ("bad", 40.0)):
        _Lengths(noise).export(str(folder / name / "Format-Serving"))
    rng = np.random.default_rng(0)
    for first, split in ((0, "eval"), (_USERS, "train"), (2 * _USERS, "validation")):
        path = folder / "labelled" / f"Split-{split}" / "examples.gz"
        path.parent.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
            for number, size in enumerate(rng.integers(1, 100, _USERS)):
                writer.write(_example(first + number, int(size), rng))
    statistics = folder / "statistics" / "Split-train" / "FeatureStats.pb"
    statistics.parent.mkdir(parents=True)
    table = pd.DataFrame({"wordy": [0, 1, 1], "activity": ["00-09"] * 3})
    statistics.write_bytes(tfdv.generate_statistics_from_dataframe(table).SerializeToString())
    (folder / "labels.csv").write_text(
        "user_id,country\n" + "".join(f"u{n},{'CH' if n % 3 else 'DE'}\n" for n in range(_USERS))
    )
    return folder


def _example(number, size, rng):
    def text(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    label = int(size + rng.normal(0, 15) > 50)
    features = {
        USER_ID: text(b"u%d" % number),
        BEHAVIORS: text(b"x" * size),
        ACTIVITY: text(b"00-09"),
        "wordy": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
        weight_name("wordy"): tf.train.Feature(
            float_list=tf.train.FloatList(value=[float(number % 10 > 0)])
        ),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _artifact(kind, path):
    artifact = kind()
    artifact.uri = str(path)
    return artifact


class _Evaluation:
    """One model, evaluated and audited."""

    def __init__(self, folder, out, model, baseline=None, **evaluation):
        examples = _artifact(standard_artifacts.Examples, folder / "labelled")
        statistics = _artifact(standard_artifacts.ExampleStatistics, folder / "statistics")
        statistics.split_names = examples.split_names = artifact_utils.encode_split_names(
            ["train", "validation", "eval"]
        )
        self.model = str(folder / model)
        inputs = {
            "examples": [examples],
            "model": [_artifact(standard_artifacts.Model, self.model)],
        }
        if baseline:
            inputs["baseline_model"] = [_artifact(standard_artifacts.Model, folder / baseline)]
        self.blessing = _artifact(standard_artifacts.ModelBlessing, out / "blessing")
        self.evaluation = _artifact(standard_artifacts.ModelEvaluation, out / "evaluation")
        self.audit = _artifact(standard_artifacts.ModelEvaluation, out / "audit")
        config = EvaluationConfig(**evaluation)
        asked = gate(config, _TASKS).model_dump_json()
        EvaluatorExecutor().Do(
            inputs,
            {"evaluation": [self.evaluation], "blessing": [self.blessing]},
            {
                "eval_config": proto_utils.proto_to_json(eval_config(config, _TASKS)),
                "example_splits": json_utils.dumps(["eval"]),
                "gate": asked,
                "user_key": '[null, "tiny"]',
            },
        )
        AuditorExecutor().Do(
            {
                "examples": [examples],
                "statistics": [statistics],
                "model": inputs["model"],
                "evaluation": [self.evaluation],
                "blessing": [self.blessing],
            },
            {"audit": [self.audit]},
            {
                "pipeline": "tiny",
                "gate": asked,
                "config": AuditConfig(slices=("country",)).model_dump_json(),
                "configuration": "{}",
                "code_digests": "{}",
                "input_base": str(folder),
                "labels": "labels.csv",
                "label_user_id": "user_id",
                "image": "",
            },
        )
        self.record = read_record(self.audit.uri)
        self.predictions = read_predictions(f"{self.audit.uri}/predictions.parquet")

    @property
    def blessed(self):
        return self.blessing.get_int_custom_property("blessed") == 1


@pytest.fixture(autouse=True)
def _report(folder):
    # As the ingestion leaves it beside the examples.
    report = folder / "labelled" / "ingestion_report.json"
    if not report.exists():
        Audited.write_report(folder, report)


@pytest.mark.slow
def test_a_good_model_is_blessed_and_audited(folder, tmp_path):
    done = _Evaluation(folder, tmp_path, "good")
    assert done.blessed
    digest = model_digest(f"{done.model}/Format-Serving")
    assert done.blessing.get_string_custom_property(MODEL_DIGEST_PROPERTY) == digest
    assert done.record["model"]["digest"] == digest
    assert done.record["verdict"]["blessed"]
    assert done.record["baseline"] is None
    predictions = done.predictions
    assert predictions.users.tolist() == sorted(
        pseudonym(b"u%d" % number, b"tiny") for number in range(_USERS)
    )
    known = predictions.known("wordy")
    assert known.sum() == _USERS * 9 // 10
    auc = roc_auc_score(predictions.labels["wordy"][known], predictions.scores["wordy"][known, 1])
    section = done.record["tasks"]["wordy"]
    assert section["auc"]["value"] == pytest.approx(auc)
    assert section["tfma"]["auc"] == pytest.approx(auc, abs=2e-3)
    assert {group["name"] for group in section["slices"]["country"]} == {"CH", "DE"}
    checks = {check["name"]: check["holds"] for check in done.record["checks"]}
    assert checks["No user is in two splits"]
    # All that a user wrote is some number of x.
    assert checks["No history is in two splits"] is False
    assert checks["With permuted labels the AUC is that of guessing"]
    assert checks["The inputs are those of the last blessed model"] is None
    assert done.record["vectors"]["dimension"] == 2
    assert os.path.getsize(f"{done.audit.uri}/report.html") > 10_000

    # The configuration of this test says nothing of the evaluation, and so contradicts nothing.
    found = list(verify(locate(done.audit.uri), 2))
    assert {each.state for each in found} == {"holds"}, found
    assert "wordy: the model gives all 150 users these scores" in found[-1].sentence
    scores = {"wordy": predictions.scores["wordy"] + np.float32(1e-4)}
    write_predictions(
        dataclasses.replace(predictions, scores=scores), f"{done.audit.uri}/predictions.parquet"
    )
    last = list(verify(locate(done.audit.uri), 2))[-1]
    assert last.state == "broken"
    assert "the model gives 150 users other scores" in last.sentence


@pytest.mark.slow
@pytest.mark.parametrize("comparison", ["interval", "point"])
def test_a_worse_model_is_refused_by_either_rule_and_audited(folder, tmp_path, comparison):
    asked = {"min_auc": 0.0, "max_auc_drop": 0.02, "comparison": comparison}
    done = _Evaluation(folder, tmp_path, "bad", "good", **asked)
    assert not done.blessed
    assert os.listdir(done.blessing.uri) == ["NOT_BLESSED"]
    (reason,) = done.record["verdict"]["reasons_against"]
    rule = {"interval": "paired interval", "point": "point difference"}[comparison]
    assert f"refused by the {rule}" in reason
    baseline = done.record["baseline"]
    assert baseline["digest"] == model_digest(str(folder / "good" / "Format-Serving"))
    compared = done.record["tasks"]["wordy"]["baseline"]
    assert compared["high"] < 0
    assert compared["p_holm"] < 0.05


@pytest.mark.slow
def test_a_model_as_good_as_the_last_is_blessed(folder, tmp_path):
    done = _Evaluation(folder, tmp_path, "good", "good", min_auc=0.5, max_auc_drop=0.0)
    assert done.blessed
    assert Gate.model_validate(done.record["gate"]).comparison == "interval"
    assert done.record["tasks"]["wordy"]["baseline"]["difference"] == 0
