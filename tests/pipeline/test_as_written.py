"""What people write as a name stays as it is written."""

import pytest
import yaml

from pipeline.as_written import read_yaml
from pipeline.config import ConfigError, PipelineConfig, load_config

_WRITTEN = (
    "NO, SE, no, yes, on, off, y, 010, 020, 12:30, 13:30, 1.50, 2023-11-14, 1_000, 0x1F, .5, 1e3, "
    "1.0, 1e-3, 0b1, 0o17, +1, -0, .inf, .nan, ~, null, Null, true, false, 2023-13-45, "
    "2023-11-14 22:13:20, =, <<, 1:1, 08, 007"
)


def _read(tmp_path, text):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    return load_config(str(path))


def _with_classes(classes, task="t"):
    return (
        "name: a\ndata: {events: e.jsonl, labels: l.csv}\n"
        f"tasks: {{{task}: {{classes: [{classes}]}}}}\n"
    )


@pytest.mark.parametrize("written", _WRITTEN.split(", "))
def test_a_class_is_the_text_in_the_file(tmp_path, written):
    config = _read(tmp_path, _with_classes(f"{written}, other"))
    assert config.tasks["t"].classes == (written, "other")


def test_classes_survive_the_way_to_the_components(tmp_path):
    written = "NO, 010, 12:30, 1.50, 1.0, null, ~, false"
    config = _read(tmp_path, _with_classes(written))
    again = PipelineConfig.model_validate_json(config.model_dump_json())
    assert again.tasks["t"].classes == tuple(written.split(", "))


def test_block_lists_and_quotes_say_the_same(tmp_path):
    text = _with_classes("x").replace("[x]", "[NO, 'NO ', \"no\"]")
    with pytest.raises(ConfigError, match="the classes must differ, not NO and NO"):
        _read(tmp_path, text)
    config = _read(
        tmp_path,
        "name: a\ndata: {events: e, labels: l}\ntasks:\n  t:\n    classes:\n"
        "    - NO\n    - '010'\n    - \"~\"\n",
    )
    assert config.tasks["t"].classes == ("NO", "010", "~")


@pytest.mark.parametrize("task", ["no", "yes", "NO", "on", "y", "null", "True"])
def test_a_task_is_named_as_written(tmp_path, task):
    config = _read(
        tmp_path, _with_classes("a, b", task) + f"evaluation: {{min_auc: {{{task}: 1}}}}"
    )
    assert list(config.tasks) == [task]
    assert config.evaluation.min_auc_of(task) == 1


def test_columns_files_and_other_names_stay_as_written(tmp_path):
    config = _read(
        tmp_path,
        "name: yes\n"
        "data:\n  events: 2023-11-14\n  labels: 1.50\n"
        "  columns: {user_id: no, timestamp: 010, text: ~, label_user_id: 12:30}\n"
        "tasks: {t: {column: 2023}}\n"
        "text: {stop_words: 1e3}\n"
        "beam: {args: [1.50]}\n"
        "kubeflow: {node_selector: {gpu: true}}\n",
    )
    assert config.name == "yes"
    assert config.data.events == str(tmp_path / "2023-11-14")
    assert config.data.labels == str(tmp_path / "1.50")
    columns = config.data.ingestion.columns
    assert columns.user_id == "no"
    assert columns.timestamp == "010"
    assert columns.text == "~"
    assert columns.label_user_id == "12:30"
    assert config.tasks["t"].column == "2023"
    assert config.text.stop_words == str(tmp_path / "1e3")
    assert config.beam.args == ("1.50",)
    assert config.kubeflow.node_selector == {"gpu": "true"}


def test_numbers_booleans_dates_and_null_are_what_yaml_says(tmp_path):
    config = _read(
        tmp_path,
        "name: a\n"
        "data:\n  events: e\n  labels: l\n"
        "  division:\n    method: windows\n"
        "    history: {start: 2024-01-01, end: 2024-02-01}\n"
        "    target: {start: 1706745600, end: 2024-03-01}\n"
        "    inference: {start: 2024-01-15, end: 2024-03-01}\n"
        "tasks: {t: }\n"
        "text: {vocabulary_size: 50_000, max_words: 8, max_behaviors: 95%, stop_words: ~}\n"
        "encoder: {learning_rate: 1e-3, random_cut: yes}\n"
        "evaluation: {max_auc_drop: null, min_auc: .6}\n"
        "kubeflow: {image: null}\n",
    )
    assert config.data.ingestion.division.history.start == 1704067200
    assert config.text.vocabulary_size == 50_000
    assert config.text.max_words == 8
    assert config.text.max_behaviors == "95%"
    assert config.text.stop_words is None
    assert config.encoder.learning_rate == 0.001
    assert config.encoder.random_cut is True
    assert config.evaluation.max_auc_drop is None
    assert config.evaluation.min_auc == 0.6
    assert config.kubeflow.image is None
    assert config.tasks["t"].classes == ("0", "1")


def test_anchors_and_merges_work(tmp_path):
    config = _read(
        tmp_path,
        "name: a\ndata: {events: e, labels: l}\n"
        "tasks:\n  t: &same {classes: [no, yes], column: x}\n  u: *same\n"
        "  v: {<<: *same, column: on}\n",
    )
    assert config.tasks["u"] == config.tasks["t"]
    assert config.tasks["v"].column == "on"
    assert config.tasks["v"].classes == ("no", "yes")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "'a' occurs twice"),
        ("010: 1\n010: 2\n", "'010' occurs twice"),
        ("? [a]\n: 1\n", "a key must be text"),
        ("a: &x [*x]\n", "recursive"),
    ],
)
def test_what_yaml_would_pass_over_is_refused(tmp_path, text, message):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with path.open() as file, pytest.raises(yaml.YAMLError, match=message):
        read_yaml(file, PipelineConfig)
