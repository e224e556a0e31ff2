"""Trainer whose hyper-parameters can change from run to run without a new pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx.components import Trainer
from tfx.components.trainer import executor as trainer_executor
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.components.base import executor_spec

SECTION = "hyperparameters_of"
"""Key of `custom_config` that names the section the hyper-parameters belong to."""

_PREFIX = "hyperparameter_"


class Executor(trainer_executor.GenericExecutor):
    """TFX's executor; puts the hyper-parameters into `custom_config`, where `run_fn` reads them."""

    def _GetFnArgs(  # noqa: N802 - TFX's name
        self, input_dict: dict, output_dict: dict, exec_properties: dict[str, Any]
    ) -> FnArgs:
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        section = fn_args.custom_config.pop(SECTION)
        fn_args.custom_config[section] |= {
            name.removeprefix(_PREFIX): value
            for name, value in exec_properties.items()
            if name.startswith(_PREFIX)
        }
        return fn_args


class TunableTrainer(Trainer):
    """TFX's Trainer with hyper-parameters as execution properties of their own.

    Only those can be `RuntimeParameter`s, which a person sets when starting a run: the rest of the
    configuration is one JSON string.

    Args:
      section: key of `custom_config` that the hyper-parameters belong to.
      hyperparameters: name -> a number, or a `RuntimeParameter`.
      custom_config: for `run_fn`, without the hyper-parameters.
      **kwargs: arguments of TFX's `Trainer`.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        section: str,
        hyperparameters: Mapping[str, Any],
        custom_config: Mapping[str, Any],
        **kwargs: Any,
    ):
        super().__init__(custom_config={**custom_config, SECTION: section}, **kwargs)
        for name, value in hyperparameters.items():
            self.exec_properties[_PREFIX + name] = value
