"""The quality benchmark: its areas under the curve, and a whole run on a small folder."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from experiments.bootstrap import resampling_weights, task_auc, weighted_auc
from experiments.labelled_users import configuration
from experiments.quality import main
from ingestion.synthetic_logs import generate
from pipeline.config import ConfigError


def test_auc_by_hand():
    # Of the two pairs, one is in order and one is tied.
    scores, positive = np.array([0.1, 0.4, 0.4]), np.array([False, False, True])
    assert weighted_auc(scores, positive, np.ones((1, 3))) == pytest.approx([0.75])


def test_a_weight_counts_as_so_many_users():
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 9, size=40) / 9, rng.random(40) < 0.3
    weights = rng.integers(0, 4, size=(5, 40))
    repeated = [roc_auc_score(positive.repeat(row), scores.repeat(row)) for row in weights]
    np.testing.assert_allclose(weighted_auc(scores, positive, weights), repeated)


def test_one_class_alone_has_no_area():
    assert np.isnan(weighted_auc(np.array([0.1, 0.2]), np.array([True, True]), np.ones((1, 2))))


def test_several_classes_are_averaged_one_against_the_rest():
    rng = np.random.default_rng(0)
    probabilities, classes = rng.dirichlet([1, 1, 1], size=60), rng.integers(0, 3, size=60)
    known = rng.random(60) < 0.7
    area = task_auc(probabilities, classes, known, np.ones((1, 60)))
    expected = roc_auc_score(classes[known], probabilities[known], multi_class="ovr")
    assert area == pytest.approx([expected])


def test_a_binary_task_is_measured_by_its_second_class():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    area = task_auc(probabilities, np.array([1, 0, 0]), np.ones(3, bool), np.ones((1, 3)))
    assert area == pytest.approx([0.0])


def test_resamples_draw_as_many_users_as_there_are():
    weights = resampling_weights(users=7, resamples=3)
    np.testing.assert_array_equal(weights[0], np.ones(7))
    np.testing.assert_array_equal(weights.sum(axis=1), [7, 7, 7, 7])


def test_tasks_come_from_the_labels(tmp_path):
    (tmp_path / "events.jsonl").write_text("{}\n")
    (tmp_path / "labels.csv").write_text("user_id,likes,region\na,1,north\nb,0,south\nc,,east\n")
    config = configuration(str(tmp_path), {"language": "characters"})
    assert config.tasks["likes"].classes == ("0", "1")
    assert config.tasks["region"].classes == ("east", "north", "south")
    assert config.text.language == "characters"


def test_a_folder_without_events_is_named(tmp_path, capsys):
    with pytest.raises(ConfigError, match=r"has none of events\.jsonl\.gz"):
        configuration(str(tmp_path), {})
    assert main([str(tmp_path)]) == 2
    assert "has none of events.jsonl.gz" in capsys.readouterr().err


@pytest.mark.slow
def test_a_whole_run(tmp_path, capsys):
    _, labels = generate(str(tmp_path), users=300, mean_behaviors=12)
    pd.read_csv(labels)[["user_id", "likes_outdoor", "age_range"]].to_csv(labels, index=False)
    report_file = tmp_path / "report.json"
    models = ["tfidf-time", "doc2vec", "lsa", "untrained"]
    arguments = ["--models", *models, "--seeds", "0", "1", "--text", "{vocabulary_size: 500}"]
    arguments += ["--heads", "{members: 1, max_epochs: 2}", "--output", str(report_file)]
    assert main([str(tmp_path), *arguments]) == 0

    report = json.loads(report_file.read_text())
    assert list(report["models"]) == models
    auc = report["models"]["tfidf-time"]["auc"]
    assert list(auc) == ["likes_outdoor", "age_range", "mean"]
    assert auc["likes_outdoor"]["mean"] > 0.6
    low, high = auc["mean"]["interval"]
    assert low < auc["mean"]["mean"] < high
    assert auc["mean"]["mean"] == pytest.approx(
        np.mean([auc[task]["mean"] for task in list(auc)[:-1]]), abs=1e-3
    )
    assert len(report["models"]["untrained"]["auc"]["mean"]["seeds"]) == 2
    assert "tfidf-time" in capsys.readouterr().out
