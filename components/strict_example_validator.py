"""ExampleValidator that stops the run when it finds an anomaly.

TFX's own component only records anomalies; whoever trains on them finds out later.
"""

from __future__ import annotations

from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.components import ExampleValidator
from tfx.components.example_validator import executor as example_validator_executor
from tfx.dsl.components.base import executor_spec

from contract.errors import UserError


class AnomaliesError(UserError):
    """The examples do not match their schema; the message lists the anomalies."""


class Executor(example_validator_executor.Executor):
    """Validates every split, writes the anomalies, and fails if there are any."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ):
        """See base class.

        Raises:
            AnomaliesError: If a split has an anomaly.
        """
        self._found: list[anomalies_pb2.Anomalies] = []
        result = super().Do(input_dict, output_dict, exec_properties)
        lines = sorted({line for anomalies in self._found for line in _describe(anomalies)})
        if lines:
            raise AnomaliesError(
                "The examples do not match the schema:\n"
                + "\n".join(f"  {line}" for line in lines)
                + "\nMend the data, or the schema that the configuration names in data.schemas."
            )
        return result

    def _Validate(self, inputs, outputs):  # noqa: N802 - TFX's name
        anomalies = super()._Validate(inputs, outputs)
        self._found.append(anomalies)
        return anomalies


class StrictExampleValidator(ExampleValidator):
    """TFX's ExampleValidator with the failing executor."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)


def _describe(anomalies: anomalies_pb2.Anomalies) -> list[str]:
    lines = [
        f"{feature}: {info.short_description}. {info.description}"
        for feature, info in anomalies.anomaly_info.items()
    ]
    if anomalies.HasField("dataset_anomaly_info"):
        info = anomalies.dataset_anomaly_info
        lines.append(f"(data set): {info.short_description}. {info.description}")
    return lines
