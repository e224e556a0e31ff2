"""Any YAML is a configuration or a mistake that is explained, never a traceback."""

import hypothesis
import pytest
import yaml
from hypothesis import strategies as st

from contract.errors import UserError
from pipeline.config import PipelineConfig, load_config

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**20)
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.sampled_from(["", "0", "*", "[", "a/**", "s3://b/c", "2023-11-14", "NO", "12:30", "auto"])
)
_WRITTEN = st.text(max_size=60).map(lambda text: text.encode("utf-8", "ignore"))
_VALID = {
    "name": "shop",
    "data": {"events": "events.jsonl", "labels": "labels.csv"},
    "tasks": {"likes": None},
}


def _keys(model):
    """The fields of a model and of the models below it."""
    names = set(model.model_fields)
    for field in model.model_fields.values():
        kind = field.annotation
        if isinstance(kind, type) and hasattr(kind, "model_fields"):
            names |= _keys(kind)
    return names


_KEYS = st.sampled_from(sorted(_keys(PipelineConfig))) | st.text(max_size=5) | st.integers()
_TREES = st.recursive(
    _SCALARS,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(_KEYS, each, max_size=4),
    max_leaves=12,
)


@st.composite
def _changed(draw):
    """A valid configuration in which one thing is not."""
    config = {
        key: dict(value) if isinstance(value, dict) else value for key, value in _VALID.items()
    }
    section = draw(st.sampled_from(sorted(PipelineConfig.model_fields)))
    field = PipelineConfig.model_fields[section].annotation
    names = list(getattr(field, "model_fields", {}) or [])
    if names and draw(st.booleans()):
        value = dict(config.get(section) or {})
        value[draw(st.sampled_from(names))] = draw(_TREES)
        config[section] = value
    else:
        config[section] = draw(_TREES)
    return config


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("config") / "my.yaml"


def _is_valid(file):
    try:
        config = load_config(str(file), None)
    except UserError as error:
        said, config = str(error), None
    if config is None:
        assert said.strip()
        return False
    assert isinstance(config, PipelineConfig)
    assert PipelineConfig.model_validate_json(config.model_dump_json()) == config
    return True


def test_the_starting_point_is_valid(file):
    file.write_text(yaml.safe_dump(_VALID))
    assert _is_valid(file)


@hypothesis.given(_TREES | _changed())
@hypothesis.settings(max_examples=400, deadline=None)
def test_any_tree(file, tree):
    file.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    _is_valid(file)


@hypothesis.given(st.binary(max_size=60) | _WRITTEN)
@hypothesis.settings(max_examples=300, deadline=None)
def test_any_bytes(file, content):
    file.write_bytes(content)
    assert not _is_valid(file)
