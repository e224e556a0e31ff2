"""The quality benchmark: a whole run on a small folder."""

import json

import numpy as np
import pytest

from experiments import few_labels, quality, representations
from experiments.kept_areas import KeptAreas, Run
from experiments.labelled_users import configuration
from experiments.quality import main
from pipeline.config import ConfigError
from trainer.heads.config import HeadsConfig
from trainer.text.vocabulary import read_vocabulary


def test_tasks_come_from_the_labels(tmp_path):
    event = '{"user_id": "a", "timestamp": 1700000000, "text": "boots"}\n'
    (tmp_path / "events.jsonl").write_text(event)
    (tmp_path / "labels.csv").write_text("user_id,likes,region\na,1,north\nb,0,south\nc,,east\n")
    config = configuration(str(tmp_path), {"language": "characters"})
    assert config.tasks["likes"].classes == ("0", "1")
    assert config.tasks["region"].classes == ("east", "north", "south")
    assert config.text.language == "characters"
    assert config.data.ingestion.channels == ("time",)
    assert configuration(str(tmp_path), {}, channels=[]).data.ingestion.channels == ()


def test_a_channel_that_there_is_not_is_named(tmp_path, capsys):
    (tmp_path / "events.jsonl").write_text('{"user_id": "a", "timestamp": 1, "text": "boots"}\n')
    (tmp_path / "labels.csv").write_text("user_id,likes\na,1\nb,0\n")
    assert main([str(tmp_path), "--channels", "place"]) == 2
    assert "channels.0\n  Input should be 'time', 'type' or 'value'" in capsys.readouterr().err


def test_a_folder_without_events_is_named(tmp_path, capsys):
    with pytest.raises(ConfigError, match=r"has none of events\.jsonl\.gz"):
        configuration(str(tmp_path), {})
    assert main([str(tmp_path)]) == 2
    assert "has none of events.jsonl.gz" in capsys.readouterr().err


@pytest.fixture
def small_set(small_config, small_data, tmp_path, monkeypatch):
    """The folder of a data set whose configuration and users are those of --small."""
    for module in (quality, few_labels):
        monkeypatch.setattr(module, "configuration", lambda *_: small_config)
        monkeypatch.setattr(module, "prepare", lambda config, folder: small_data)
    (tmp_path / "work" / "small").mkdir(parents=True)
    return tmp_path / "small"


@pytest.mark.slow
def test_a_whole_run(small_set, tmp_path, capsys, monkeypatch):
    # FastText's table is all of its time here.
    monkeypatch.setattr(representations, "_NGRAM_BUCKETS", 1000)
    models = ["tfidf-time", "fasttext", "doc2vec", "lsa", "untrained"]

    def measured(models, *seeds):
        arguments = ["--models", *models, "--seeds", *seeds, "--work-dir", str(tmp_path / "work")]
        arguments += ["--heads", "{members: 1, max_epochs: 2}", "--output", str(tmp_path)]
        assert main([str(small_set), *arguments]) == 0
        return json.loads((tmp_path / "small.json").read_text())

    report = measured(models, "0")
    assert list(report["models"]) == models
    auc = report["models"]["tfidf-time"]["auc"]
    assert list(auc) == ["likes_outdoor", "age_range", "mean"]
    assert auc["likes_outdoor"]["mean"] > 0.6
    low, high = auc["mean"]["interval"]
    assert low < auc["mean"]["mean"] < high
    assert auc["mean"]["mean"] == pytest.approx(
        np.mean([auc[task]["mean"] for task in list(auc)[:-1]]), abs=1e-3
    )
    assert "tfidf-time" in capsys.readouterr().out

    # Nothing is measured twice: neither the figures nor the seconds differ.
    assert measured(models, "0") == report
    seeds = measured(["lsa"], "0", "1")["models"]["lsa"]["auc"]["mean"]["seeds"]
    assert len(seeds) == 2
    assert seeds[0] == report["models"]["lsa"]["auc"]["mean"]["seeds"][0]


@pytest.mark.slow
def test_texts_are_read_beside_their_words(small_data, monkeypatch):
    words = [word for word, _ in read_vocabulary(small_data.transform_output)]
    users, found = small_data.evaluation, []
    for texts, behaviors in zip(users.texts, users.word_ids, strict=True):
        assert len(texts) == len(behaviors)
        for text, word_ids in zip(texts, behaviors, strict=True):
            # The beginning of a word is that of its stem.
            found.append(words[word_ids[0] - 1][:3] in text.lower())
    # But for users of a text without any known word.
    assert np.mean(found) > 0.9

    def sizes(texts):
        return np.array([[len(text), 1.0] for text in texts])

    monkeypatch.setattr(representations, "_sentence_encoder", lambda: sizes)
    vectors = representations.MODELS["sentences"].fit_vectors(small_data, 0, "")(users)
    assert vectors[0].tolist() == [np.mean([len(text) for text in users.texts[0]]), 1.0]


@pytest.mark.slow
def test_a_curve_of_labelled_users(small_set, tmp_path, monkeypatch):
    heads = HeadsConfig(members=1, max_epochs=2)
    monkeypatch.setattr(few_labels, "HeadsConfig", lambda: heads)
    arguments = ["--labelled", "60", "120", "--models", "tfidf-time", "lsa", "--seeds", "0"]
    arguments += ["--work-dir", str(tmp_path / "work"), "--output", str(tmp_path / "curve.json")]
    assert few_labels.main([str(small_set), *arguments]) == 0
    curves = json.loads((tmp_path / "curve.json").read_text())["labelled"]
    assert list(curves) == ["60", "120"]
    assert curves["120"]["tasks"] == ["age_range", "likes_outdoor"]
    for of_count in curves.values():
        for model in ("tfidf-time", "lsa"):
            assert 0.4 < of_count["models"][model]["mean_auc"]["mean"] < 1


def test_folders_of_one_name_are_refused(tmp_path, capsys):
    assert main([str(tmp_path / "a" / "logs"), str(tmp_path / "b" / "logs")]) == 2
    assert "two folders have the same name" in capsys.readouterr().err


def test_a_run_that_was_cut_short_is_measured_again(tmp_path):
    (tmp_path / "events.jsonl").write_text('{"user_id": "a", "timestamp": 1, "text": "boots"}\n')
    (tmp_path / "labels.csv").write_text("user_id,likes\na,1\nb,0\n")
    config = configuration(str(tmp_path), {})
    kept = KeptAreas(str(tmp_path / "areas"), config, HeadsConfig())
    kept.write("lsa", "a model", 0, Run({"likes": np.array([0.5, 0.4])}, seconds=2.0))
    run = kept.read("lsa", "a model", 0)
    np.testing.assert_array_equal(run.areas["likes"], [0.5, 0.4])
    assert (list(run.areas), run.seconds) == (["likes"], 2.0)
    for name, description, seed in [("lsa", "another", 0), ("lsa", "a model", 1)]:
        assert kept.read(name, description, seed) is None
    other = KeptAreas(str(tmp_path / "areas"), config, HeadsConfig(members=1))
    assert other.read("lsa", "a model", 0) is None
    (file,) = (tmp_path / "areas").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert kept.read("lsa", "a model", 0) is None
    with open(tmp_path / "events.jsonl", "a") as events:
        events.write("\n")
    assert KeptAreas(str(tmp_path / "areas"), config, HeadsConfig())._digest.hexdigest() != (
        kept._digest.hexdigest()
    )
