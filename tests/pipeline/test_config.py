"""The configuration: what is read, and how every mistake is named."""

import pathlib

import pytest
import yaml

from pipeline.config import ConfigError, PipelineConfig, load_config
from trainer.encoder.config import EncoderConfig
from trainer.heads.config import HeadsConfig

_ROOT = pathlib.Path(__file__).parents[2]
_VALID = {
    "name": "shop",
    "data": {"events": "logs/*.jsonl", "labels": "/data/labels.csv"},
    "tasks": {"docs": None, "region": {"classes": ["eu", "us", "asia"]}},
}


def _load(tmp_path, **changes) -> PipelineConfig:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({**_VALID, **changes}))
    return load_config(str(path))


def test_defaults_are_the_papers(tmp_path):
    config = _load(tmp_path)
    assert config.encoder.dimension == 256
    assert config.encoder.hops == 5
    assert config.heads.hidden_units == 128
    assert config.heads.batch_size == 256
    assert config.text.max_behaviors == "95%"
    assert config.tasks["docs"].classes == ("0", "1")


def _window(start: int) -> dict:
    return {"start": f"{start}-01-01", "end": f"{start + 1}-01-01"}


def test_the_paper_in_one_word(tmp_path):
    windows = {"history": _window(2014), "target": _window(2015), "inference": _window(2016)}
    data = {**_VALID["data"], "division": {"method": "windows", **windows}}
    config = _load(tmp_path, preset="paper", data=data, encoder={"hops": 3})
    assert config.encoder == EncoderConfig(hops=3)
    assert config.heads == HeadsConfig.model_validate({"preset": "paper"})
    assert config.text.target_behaviors == "all"
    assert config.text.max_behaviors == "95%"
    assert not config.data.ingestion.hold_out_eval
    official = _load(tmp_path, preset="official", data=data, heads={"members": 2})
    assert official.encoder == EncoderConfig.model_validate({"preset": "official"})
    assert (official.heads.members, official.heads.dropout) == (2, 0)


@pytest.mark.parametrize(
    ("preset", "message"),
    [
        ("paper", "preset paper divides by windows of time, which no preset can know"),
        ("huge", "preset must be one of .'official', 'paper'.. Received: 'huge'"),
    ],
)
def test_a_preset_that_cannot_be(tmp_path, preset, message):
    with pytest.raises(ConfigError, match=message):
        _load(tmp_path, preset=preset)


def test_relative_paths_count_from_the_file(tmp_path):
    config = _load(tmp_path)
    assert config.data.events == str(tmp_path / "logs" / "*.jsonl")
    assert config.data.labels == "/data/labels.csv"


def test_relative_paths_of_the_data_count_from_another_folder_if_one_is_given(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({**_VALID, "text": {"stop_words": "stop.txt"}}))
    config = load_config(str(path), "/logs/2024")
    assert config.data.events == "/logs/2024/logs/*.jsonl"
    assert config.data.labels == "/data/labels.csv"
    assert config.text.stop_words == str(tmp_path / "stop.txt")


def test_the_keys_of_ingestion_stand_in_the_section_data(tmp_path):
    data = {**_VALID["data"], "max_bad_fraction": 0.5, "columns": {"text": "query"}}
    config = _load(tmp_path, data=data)
    assert config.data.ingestion.max_bad_fraction == 0.5
    assert config.data.ingestion.columns.text == "query"
    dumped = config.model_dump(mode="json")["data"]
    assert dumped["max_bad_fraction"] == 0.5
    assert "ingestion" not in dumped


def test_relative_paths_of_dictionaries_count_from_the_file(tmp_path):
    text = {"stop_words": "stop.txt", "jieba": {"user_dictionary": "../words.txt"}}
    config = _load(tmp_path, text=text)
    assert config.text.files() == {
        "stop_words": str(tmp_path / "stop.txt"),
        "jieba.user_dictionary": str(tmp_path.parent / "words.txt"),
    }


def test_relative_paths_of_keys_count_from_the_file(tmp_path):
    audit = {"signing_key": "team.pem", "public_keys": ["team.pub.pem", "/old.pem"]}
    config = _load(tmp_path, audit=audit).audit
    assert config.signing_key == str(tmp_path / "team.pem")
    assert config.public_keys == (str(tmp_path / "team.pub.pem"), "/old.pem")


def test_uris_stay_as_they_are(tmp_path):
    config = _load(tmp_path, data={"events": "s3://b/logs", "labels": "s3://b/labels.csv"})
    assert config.data.events == "s3://b/logs"


def test_is_frozen(tmp_path):
    with pytest.raises(ValueError, match="frozen"):
        _load(tmp_path).name = "other"


def test_survives_json(tmp_path):
    config = _load(tmp_path)
    assert PipelineConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "My Shop"}, r"name: 'My Shop' is not allowed"),
        ({"data": {"labels": "l.csv"}}, r"data\.events: is required"),
        ({"text": {"vocabulary_size": 0}}, r"text\.vocabulary_size: 0 is not allowed: .* 1"),
        ({"text": {"langage": "en"}}, r"text\.langage: .* did you mean language\? allowed: lang"),
        ({"text": {"language": "klingon"}}, r"text\.language: 'klingon' .*'en'"),
        ({"text": {"max_words": "90%"}}, r"text\.max_words: '90%' is not allowed: .*'95%'"),
        ({"text": {"ngrams": 3}}, r"text\.ngrams: 3 is not allowed: .* 1 or 2"),
        (
            {"text": {"lower_case": False}},
            r"text: .* lower_case: .* or set stem: false",
        ),
        ({"text": {"jieba": {"hm": True}}}, r"text\.jieba\.hm: .* did you mean hmm\?"),
        ({"heads": {"batch_size": "many"}}, r"heads\.batch_size: 'many' is not allowed"),
        ({"tasks": {}}, r"tasks: {} is not allowed: .*at least 1"),
        ({"tasks": {"a b": None}}, r"tasks\.a b: 'a b' is not allowed"),
        ({"tasks": {"user_id": None}}, r"tasks\.user_id: the name is taken"),
        ({"tasks": {"a": None, "a_weight": None}}, r"tasks\.a: the name is taken"),
        ({"tasks": {"a": {"classes": ["x"]}}}, r"tasks\.a\.classes: .* at least 2"),
        ({"evaluation": {"min_auc": {"x": 0.5}}}, r"evaluation\.min_auc\.x: there is no such task"),
        ({"evaluation": {"min_auc": 1.5}}, r"evaluation\.min_auc: 1\.5 is not allowed"),
        ({"metadata": {"type": "oracle"}}, r"metadata: .*'sqlite', 'mysql', 'postgresql'"),
        (
            {"data": {"events": "e", "labels": "l", "division": {"method": "windows"}}},
            r"data\.division\.history: is required",
        ),
        (
            {"data": {"events": "e", "labels": "l", "max_bad_fracton": 0}},
            r"data\.max_bad_fracton: .* did you mean max_bad_fraction\? allowed: events, labels",
        ),
        (
            {"data": {"events": "e", "labels": "l", "max_bad_fraction": 2}},
            r"data\.max_bad_fraction: 2 is not allowed",
        ),
        (
            {"data": {"events": "e", "labels": "l", "channels": "time"}},
            r"data\.channels: 'time' is not allowed: write a list, such as \[a, b\]",
        ),
        (
            {"data": {"events": "e", "labels": "l", "columns": {"usr_id": "x"}}},
            r"data\.columns\.usr_id: .* did you mean user_id\?",
        ),
        (
            {"data": {"events": "e", "labels": "l", "ingestion": {}}},
            r"data: .* its keys belong into `data` itself",
        ),
        ({"encoder": {"preset": "huge"}}, r"encoder"),
        (
            {"beam": {"components": {"Trainer": ["--runner=x"]}}},
            r"beam\.components\.Trainer: .*'UnlabelledExampleGen', .*'Transform', 'Evaluator' or",
        ),
        ({"beam": {"components": {"Transform": "--runner=x"}}}, r"beam\.components\.Transform"),
    ],
)
def test_mistakes_are_named_with_their_path(tmp_path, changes, expected):
    with pytest.raises(ConfigError, match=expected):
        _load(tmp_path, **changes)


def test_all_mistakes_are_named_at_once(tmp_path):
    with pytest.raises(ConfigError) as error:
        _load(tmp_path, name="", heads={"patience": 0}, extra=1)
    for path in ("name:", "heads.patience:", "extra:"):
        assert path in str(error.value)


def test_a_key_that_occurs_twice_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("name: a\nname: b\n")
    with pytest.raises(ConfigError, match="'name' occurs twice"):
        load_config(str(path))


@pytest.mark.parametrize("content", ["- a\n- b\n", "", "just text"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, content):
    path = tmp_path / "config.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match="must be a mapping with the keys name, data, tasks"):
        load_config(str(path))


def test_broken_yaml_is_refused_with_its_line(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("name: a\ndata: {events: [\n")
    with pytest.raises(ConfigError, match="line 3"):
        load_config(str(path))


def test_a_missing_file_is_refused():
    with pytest.raises(ConfigError, match="No such file"):
        load_config("/does/not/exist.yaml")


_OWN = sorted([*_ROOT.glob("configs/*.yaml"), *_ROOT.glob("experiments/configs/*.yaml")])


@pytest.mark.parametrize("path", _OWN, ids=lambda path: path.name)
def test_the_projects_own_configurations_are_valid(path):
    assert load_config(str(path)).name == path.stem
