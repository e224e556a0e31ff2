"""The quality benchmark: a whole run on a small folder."""

import json

import numpy as np
import pandas as pd
import pytest

from experiments.labelled_users import configuration
from experiments.quality import main
from ingestion.synthetic_logs import generate
from pipeline.config import ConfigError


def test_tasks_come_from_the_labels(tmp_path):
    event = '{"user_id": "a", "timestamp": 1700000000, "text": "boots"}\n'
    (tmp_path / "events.jsonl").write_text(event)
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
