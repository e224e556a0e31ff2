"""Beam options: the examples, and how they reach the components."""

import os
import pathlib

import pytest
import yaml
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions, StandardOptions
from tfx.dsl.compiler.compiler import Compiler
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.orchestration.local import runner_utils
from tfx.proto.orchestration.executable_spec_pb2 import BeamExecutableSpec

from pipeline.backend import Backend
from pipeline.config import PipelineConfig
from pipeline.local_runner import _without_beam_args
from pipeline.pipeline import create_pipeline

_EXAMPLES = pathlib.Path(__file__).parents[2] / "configs" / "beam"
_NAMES = sorted(os.listdir(_EXAMPLES))


@pytest.fixture
def config(tmp_path):
    """Returns a function from a `beam` section to a configuration."""

    def make(**beam):
        for name in ("events.jsonl", "labels.csv"):
            (tmp_path / name).touch()
        return PipelineConfig.model_validate(
            {
                "name": "shop",
                "data": {
                    "events": str(tmp_path / "events.jsonl"),
                    "labels": str(tmp_path / "labels.csv"),
                },
                "tasks": {"docs": {}},
                "serving": {"encode_users": True},
                "beam": beam,
            }
        )

    return make


def _pipeline(config):
    return create_pipeline(config, Backend(pipeline_root="root", serving_dir="serving"))


def _beam_specs(pipeline):
    specs = {node.id: getattr(node, "executor_spec", None) for node in pipeline.components}
    return {name: spec for name, spec in specs.items() if isinstance(spec, BeamExecutorSpec)}


def test_every_component_that_beam_runs_may_have_options(config):
    names = set(_beam_specs(_pipeline(config())))
    args = {name: [f"--labels=of={name.lower()}"] for name in names}
    specs = _beam_specs(_pipeline(config(args=["--runner=DirectRunner"], components=args)))
    assert len(names) == 7
    assert {name: spec.beam_pipeline_args for name, spec in specs.items()} == {
        name: ["--runner=DirectRunner", *args[name]] for name in names
    }


def test_options_of_a_component_follow_those_of_all(config):
    beam = {"args": ["--runner=FlinkRunner", "--parallelism=2"]}
    specs = _beam_specs(_pipeline(config(**beam, components={"Transform": ["--parallelism=8"]})))
    parsed = {name: PipelineOptions(spec.beam_pipeline_args) for name, spec in specs.items()}
    assert parsed["Transform"].get_all_options()["parallelism"] == 8
    assert parsed["Evaluator"].get_all_options()["parallelism"] == 2
    assert parsed["Transform"].view_as(StandardOptions).runner == "FlinkRunner"


def test_the_key_of_the_cache_has_no_beam_options(config):
    keys = []
    for beam in ({}, {"args": ["--runner=x"], "components": {"Transform": ["--parallelism=8"]}}):
        deployment = runner_utils.extract_local_deployment_config(
            Compiler().compile(_pipeline(config(**beam)))
        )
        spec = runner_utils.extract_executor_spec(deployment, "Transform")
        assert isinstance(spec, BeamExecutableSpec)
        assert spec.beam_pipeline_args
        keys.append(_without_beam_args(spec).SerializeToString(deterministic=True))
    assert keys[0] == keys[1]
    assert b"tfx.components.transform.executor" in keys[0]


@pytest.mark.parametrize("name", _NAMES)
def test_the_examples_are_options_of_beam(name, config):
    section = yaml.safe_load((_EXAMPLES / name).read_text())
    assert set(section) == {"beam"}
    known = set(PipelineOptions([]).get_all_options())
    for component, spec in _beam_specs(_pipeline(config(**section["beam"]))).items():
        options = PipelineOptions(spec.beam_pipeline_args)
        given = options.get_all_options(drop_default=True, retain_unknown_options=True)
        assert set(given) <= known, component
        assert len(given) >= 5
        assert options.view_as(StandardOptions).runner in StandardOptions.KNOWN_RUNNER_NAMES
        if options.view_as(PortableOptions).environment_type:
            assert options.view_as(PortableOptions).environment_config == "localhost:50000"


def test_an_option_that_beam_does_not_know_is_noticed():
    options = PipelineOptions(["--runner=FlinkRunner", "--paralelism=2"])
    given = options.get_all_options(drop_default=True, retain_unknown_options=True)
    assert set(given) - set(PipelineOptions([]).get_all_options()) == {"paralelism"}
