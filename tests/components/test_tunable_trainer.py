"""Hyper-parameters reach `run_fn`, from the configuration and from a run's parameters alike."""

import json

from tfx.components.trainer import executor as trainer_executor
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import channel_utils, standard_artifacts

from components.tunable_trainer import (
    HYPERPARAMETERS_PROPERTY,
    Executor,
    TunableTrainer,
    hyperparameters_of,
)


def _artifact(kind, path, splits="[]"):
    artifact = kind()
    artifact.uri = str(path)
    if kind is standard_artifacts.Examples:
        artifact.split_names = splits
    return artifact


def _component(tmp_path, learning_rate):
    examples = _artifact(standard_artifacts.Examples, tmp_path / "examples", '["train", "eval"]')
    component = TunableTrainer(
        section="heads",
        hyperparameters={"learning_rate": learning_rate, "max_epochs": 7},
        custom_config={"heads": {"seed": 3}, "tasks": {"docs": 2}},
        run_fn="trainer.heads.run.run_fn",
        examples=channel_utils.as_channel([examples]),
    )
    return component, examples


def test_run_fn_gets_them(tmp_path):
    component, examples = _component(tmp_path, 0.25)
    fn_args = Executor()._GetFnArgs(
        {"examples": [examples]},
        {
            "model": [_artifact(standard_artifacts.Model, tmp_path / "model")],
            "model_run": [_artifact(standard_artifacts.ModelRun, tmp_path / "run")],
        },
        component.exec_properties,
    )
    assert fn_args.custom_config == {
        "heads": {"seed": 3, "learning_rate": 0.25, "max_epochs": 7},
        "tasks": {"docs": 2},
    }


def test_they_can_be_parameters_of_a_run(tmp_path):
    parameter = RuntimeParameter("heads_learning_rate", float, 0.25)
    component, _ = _component(tmp_path, parameter)
    assert component.exec_properties["learning_rate"] is parameter


def test_the_model_tells_what_it_and_those_below_it_were_trained_with(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer_executor.GenericExecutor, "Do", lambda *_: None)
    component, _ = _component(tmp_path, 0.25)
    encoder, model = (
        _artifact(standard_artifacts.Model, tmp_path / name) for name in ("encoder", "model")
    )
    encoder.set_string_custom_property(
        HYPERPARAMETERS_PROPERTY, json.dumps({"encoder": {"learning_rate": 0.5}})
    )
    Executor().Do({"base_model": [encoder]}, {"model": [model]}, component.exec_properties)
    assert hyperparameters_of([model]) == {
        "encoder": {"learning_rate": 0.5},
        "heads": {"learning_rate": 0.25, "max_epochs": 7},
    }


def test_other_models_tell_nothing(tmp_path):
    assert hyperparameters_of([_artifact(standard_artifacts.Model, tmp_path)]) == {}
