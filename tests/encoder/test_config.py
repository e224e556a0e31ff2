"""Tests of the encoder's configuration."""

import subprocess
import sys

import pydantic
import pytest

from trainer.encoder.config import PRESETS, EncoderConfig


def test_defaults_are_the_papers():
    config = EncoderConfig()
    assert (config.aggregator, config.dimension, config.hops) == ("multi_hop", 256, 5)
    assert (config.batch_size, config.learning_rate) == (256, 0.001)
    assert (config.scale_attention, config.random_cut, config.dropout) == (False, False, 0)
    assert (config.initial_embeddings, config.supervised_hops) == ("random", "all")
    assert not config.start_as_mean


@pytest.mark.parametrize("preset", PRESETS)
def test_preset_survives_a_round_trip_as_what_it_stands_for(preset):
    config = EncoderConfig.model_validate({"preset": preset})
    assert EncoderConfig.model_validate(config.model_dump()) == config
    assert config.model_dump() == {**EncoderConfig().model_dump(), **PRESETS[preset]}


def test_fields_override_their_preset():
    config = EncoderConfig.model_validate({"preset": "small", "random_cut": False, "hops": 2})
    assert (config.random_cut, config.hops, config.initial_embeddings) == (
        False,
        2,
        "word2vec",
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("aggregator", "sum"),
        ("dimension", 0),
        ("hops", 0),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("learning_rate", 0),
        ("patience", 0),
        ("max_epochs", -1),
        ("seed", -1),
        ("preset", "huge"),
        ("hop", 5),
    ],
)
def test_rejects(field, value):
    with pytest.raises(pydantic.ValidationError, match=field):
        EncoderConfig.model_validate({field: value})


def test_is_frozen():
    with pytest.raises(pydantic.ValidationError):
        EncoderConfig().hops = 3


def test_every_field_is_described():
    for name, field in EncoderConfig.model_fields.items():
        assert field.description, name


def test_imports_no_framework():
    code = (
        "import sys, trainer.encoder.config; "
        "sys.exit(bool({'keras', 'tensorflow', 'jax', 'gensim', 'numpy'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
