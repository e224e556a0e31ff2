"""One version of a model, loaded and checked as TF Serving does it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from contract.signatures import SERVING_DEFAULT
from serving.dev_server import tensors
from serving.dev_server.errors import failed_precondition, from_tensorflow, invalid_argument
from serving.saved_model import SavedModelSession
from trainer.export.warmup import WARMUP_FILE


class LoadedModel(SavedModelSession):
    """A SavedModel whose requests are checked and whose errors have gRPC's codes.

    Args:
        path: Folder of the SavedModel.
        threads: Of one run.

    Raises:
        Exception: Whatever TensorFlow raises for a folder that is no SavedModel.
    """

    def __init__(self, path: str, threads: int):
        super().__init__(path, threads)
        self._path = path

    def warm_up(self) -> int:
        """Runs the warm-up requests that lie beside the model; returns their number."""
        file = os.path.join(self._path, WARMUP_FILE)
        if not tf.io.gfile.exists(file):
            return 0
        count = 0
        for record in tf.data.TFRecordDataset(file).as_numpy_iterator():
            request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
            name, inputs, outputs = self.parse(request)
            self.run(name, inputs, outputs)
            count += 1
        return count

    def parse(self, request) -> tuple[str, dict[str, np.ndarray], tuple[str, ...]]:
        """Checks a request against the signature that it names.

        Args:
            request: `PredictRequest`.

        Returns:
            Name of the signature, input to array, names of the outputs.

        Raises:
            StatusError: If something does not fit.
        """
        name = request.model_spec.signature_name or SERVING_DEFAULT
        signature = self.signature(name)
        _check_names(set(request.inputs), signature)
        inputs = {
            key: tensors.from_proto(key, request.inputs[key]) for key in sorted(signature.inputs)
        }
        self.check(name, inputs)
        return name, inputs, _outputs(request.output_filter, signature)

    def signature(self, name: str):
        """The `SignatureDef` of this name.

        Raises:
            StatusError: FAILED_PRECONDITION, if there is none.
        """
        if name not in self.signatures:
            raise failed_precondition(f'Serving signature key "{name}" not found.')
        return self.signatures[name]

    def check(self, name: str, inputs: Mapping[str, np.ndarray]) -> None:
        """Compares types, shapes and numbers of rows with the signature.

        Raises:
            StatusError: INVALID_ARGUMENT.
        """
        infos = self.signatures[name].inputs
        fed = sorted(inputs, key=lambda key: infos[key].name)
        for key, array in inputs.items():
            tensors.check(key, fed.index(key), array, infos[key])
        if len({len(array) for array in inputs.values()}) > 1:
            raise invalid_argument("Inputs have different numbers of rows.")

    def run(
        self, name: str, inputs: Mapping[str, np.ndarray], outputs: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """See base class.

        Raises:
            StatusError: With TensorFlow's own code.
        """
        try:
            return super().run(name, inputs, outputs)
        except tf.errors.OpError as error:
            raise from_tensorflow(error) from error
        except UnicodeDecodeError as error:
            # TensorFlow's own error could not be raised because it quotes what the client sent.
            raise invalid_argument(error.object.decode(errors="replace")) from error


def _outputs(output_filter: Sequence[str], signature) -> tuple[str, ...]:
    """The asked outputs, by default all of the signature."""
    for alias in output_filter:
        if alias not in signature.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in "
                f"the set {{{','.join(sorted(signature.outputs))}}}."
            )
    if len(set(output_filter)) < len(output_filter):
        duplicate = next(each for each in output_filter if list(output_filter).count(each) > 1)
        raise invalid_argument(f"duplicate output tensor alias: {duplicate}")
    return tuple(sorted(output_filter or signature.outputs))


def _check_names(given: set[str], signature) -> None:
    """Compares the names of a request's inputs with the signature's."""
    expected = set(signature.inputs)
    if len(given) != len(expected):
        raise invalid_argument(
            f"input size does not match signature: {len(given)}!={len(expected)} "
            f"len({{{_names(given)}}}) != len({{{_names(expected)}}}). "
            f"Sent extra: {{{_names(given - expected)}}}. "
            f"Missing but required: {{{_names(expected - given)}}}."
        )
    if given != expected:
        alias = min(expected - given)
        raise invalid_argument(
            f"Signature input alias: {alias}(feed name: {signature.inputs[alias].name}) not found "
            "in request and no default value provided. Inputs expected to be in the request "
            f"{{{_names(given)}}}, or default input alias set: "
        )


def _names(names: set[str]) -> str:
    return ",".join(sorted(names))
