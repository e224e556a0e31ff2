import subprocess
import sys

import pydantic
import pytest
import yaml

from ingestion import config

DIVISION = """
division:
  method: windows
  history: {start: 2024-01-01, end: 2024-02-01T00:00:00Z}
  target: {start: 1706745600, end: '2024-03-01'}
  inference: {start: 2024-01-15, end: 2024-04-01}
"""


def load(text):
    return config.IngestionConfig.model_validate(yaml.safe_load(text) or {})


def test_defaults():
    defaults = load("")
    assert defaults.columns == config.Columns(
        user_id="user_id", timestamp="timestamp", text="text", label_user_id="user_id"
    )
    assert defaults.division == config.FractionDivision(method="fraction", fraction=0.5)
    assert defaults.max_bad_fraction == 0.001
    assert defaults.max_behaviors == 2000
    assert defaults.activity_boundaries is None
    assert defaults.channels == ()


def test_columns_of_channels_come_back_and_are_not_written_unless_named():
    """What is written of a configuration is a key of the cache."""
    usual = load("columns: {text: query}")
    assert set(usual.columns.model_dump()) == {
        *("user_id", "timestamp", "text", "label_user_id", "split")
    }
    named = load("channels: [value, type]\ncolumns: {type: event, value: price}")
    assert named.channels == ("value", "type")
    assert named.columns.model_dump()["type"] == "event"
    for each in (usual, named):
        assert config.IngestionConfig.model_validate_json(each.model_dump_json()) == each


def test_windows_are_read_from_dates_strings_and_seconds():
    division = load(DIVISION).division
    assert division.history == config.Window(start=1704067200, end=1706745600)
    assert division.target == config.Window(start=1706745600, end=1709251200)
    assert str(division.inference) == "[2024-01-15T00:00:00Z, 2024-04-01T00:00:00Z)"


def test_random_cut_has_a_seed():
    assert load("division: {method: random_cut}").division.seed == 0
    assert load("division: {method: random_cut, seed: 3}").division.seed == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DIVISION.replace("1706745600", "2024-01-31"), "must begin when the history window"),
        (DIVISION.replace("2024-04-01", "2024-01-15"), "`start` must lie before `end`"),
        (DIVISION.replace("1706745600", "1706745600000"), "looks like milliseconds"),
        (DIVISION.replace("2024-01-15", "soon"), "bad timestamp: 'soon'"),
        ("division: {method: halves}", "does not match any of the expected tags"),
        ("division: {method: fraction, fraction: 1}", "less than 1"),
        ("division: {method: fraction, fraction: 0}", "greater than 0"),
        ("max_bad_fraction: 1.5", "less than or equal to 1"),
        ("max_behaviors: 0", "greater than or equal to 1"),
        ("activity_boundaries: [5, 5, 20]", "strictly increasing"),
        ("activity_boundaries: [0, 5, 20]", "positive"),
        ("columns: {user: id}", "Extra inputs are not permitted"),
    ],
)
def test_mistakes_are_named(text, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        load(text)


def test_classes_are_spelt_like_the_labels():
    assert config.Task().classes == ("0", "1")
    assert config.Task(classes=[False, True]).classes == ("0", "1")
    assert config.Task(classes=[2, 1.0, "emea"]).classes == ("2", "1", "emea")


@pytest.mark.parametrize("classes", [["a"], ["a", "a"], [1, True], ["a", None], "ab"])
def test_bad_classes(classes):
    with pytest.raises(pydantic.ValidationError):
        config.Task(classes=classes)


def test_models_are_frozen():
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        load("").max_behaviors = 3


def test_every_field_is_described():
    for model in vars(config).values():
        if isinstance(model, type) and issubclass(model, pydantic.BaseModel):
            for name, field in model.model_fields.items():
                assert field.description, f"{model.__name__}.{name}"


def test_nothing_heavy_is_imported():
    heavy = "{'tensorflow', 'tfx', 'apache_beam', 'pyarrow', 'numpy'}"
    code = f"import sys, ingestion.config\nprint(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_channels():
    assert load("channels: [time]").channels == ("time",)


@pytest.mark.parametrize(
    ("channels", "message"),
    [("[price]", "'time'"), ("[time, time]", "names a channel twice: time")],
)
def test_bad_channels(channels, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        load(f"channels: {channels}")
