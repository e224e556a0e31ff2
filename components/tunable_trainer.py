"""Trainer whose hyper-parameters can change from run to run without a new pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.components import Trainer
from tfx.components.trainer import executor as trainer_executor
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import BASE_MODEL_KEY, MODEL_KEY

HYPERPARAMETERS = ("batch_size", "learning_rate", "max_epochs")
"""Fields of a trainer's section of the configuration that people change from run to run."""

HYPERPARAMETERS_PROPERTY = "hyperparameters"
"""Custom property of a `Model` artifact: what it was trained with, and the models below it.

JSON object, section of the configuration -> hyper-parameter -> value.
"""

PREVIOUS = "previous"
"""Key of `custom_config`: path of the model that the new one is to be compatible with; "" where
there is none. It is left out where that is not wanted."""

_SECTION = "hyperparameters_of"


class Executor(trainer_executor.GenericExecutor):
    """TFX's executor; puts the hyper-parameters into `custom_config`, where `run_fn` reads them."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Trains, and has the model tell what it was trained with.

        Args:
            input_dict: As TFX's; of a `base_model` the hyper-parameters are passed on.
            output_dict: As TFX's; `model` gets the property `HYPERPARAMETERS_PROPERTY`.
            exec_properties: As TFX's, and each of `HYPERPARAMETERS` under its name.
        """
        super().Do(input_dict, output_dict, exec_properties)
        trained = hyperparameters_of(input_dict.get(BASE_MODEL_KEY, []))
        section = json.loads(exec_properties["custom_config"])[_SECTION]
        trained[section] = _given(exec_properties)
        model = artifact_utils.get_single_instance(output_dict[MODEL_KEY])
        model.set_string_custom_property(HYPERPARAMETERS_PROPERTY, json.dumps(trained))

    def _GetFnArgs(  # noqa: N802 - TFX's name
        self, input_dict: dict, output_dict: dict, exec_properties: dict[str, Any]
    ) -> FnArgs:
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        section = fn_args.custom_config.pop(_SECTION)
        fn_args.custom_config[section] |= _given(exec_properties)
        if PREVIOUS in exec_properties:
            fn_args.custom_config[PREVIOUS] = exec_properties[PREVIOUS]
        return fn_args


class TunableTrainer(Trainer):
    """TFX's Trainer with hyper-parameters as execution properties of their own.

    Only those can be `RuntimeParameter`s, which a person sets when starting a run: the rest of the
    configuration is one JSON string.

    Args:
        section: Key of `custom_config` that the hyper-parameters belong to.
        hyperparameters: Some of `HYPERPARAMETERS` -> a number, or a `RuntimeParameter`.
        custom_config: For `run_fn`, without the hyper-parameters.
        previous: Path of the model to be compatible with, as a channel's placeholder; None: of
            none.
        **kwargs: Arguments of TFX's `Trainer`.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        section: str,
        hyperparameters: Mapping[str, Any],
        custom_config: Mapping[str, Any],
        previous: Any = None,
        **kwargs: Any,
    ):
        super().__init__(custom_config={**custom_config, _SECTION: section}, **kwargs)
        self.exec_properties.update(hyperparameters)
        if previous is not None:
            self.exec_properties[PREVIOUS] = previous


def hyperparameters_of(models: list[types.Artifact]) -> dict[str, dict[str, Any]]:
    """Returns what models were trained with: section -> hyper-parameter -> value.

    Args:
        models: `Model` artifacts that `TunableTrainer`s made; others add nothing.
    """
    found: dict[str, dict[str, Any]] = {}
    for model in models:
        found |= json.loads(model.get_string_custom_property(HYPERPARAMETERS_PROPERTY) or "{}")
    return found


def with_hyperparameters(
    configuration: Mapping[str, Any], models: list[types.Artifact]
) -> dict[str, Any]:
    """A pipeline's configuration with what models were really trained with.

    Args:
        configuration: Section -> key -> value.
        models: As of `hyperparameters_of`.
    """
    content = dict(configuration)
    for section, values in hyperparameters_of(models).items():
        content[section] = {**content.get(section, {}), **values}
    return content


def _given(exec_properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: exec_properties[name] for name in HYPERPARAMETERS if name in exec_properties}
