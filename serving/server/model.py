"""One version of a model, loaded as TF Serving loads it."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.apis import prediction_log_pb2

from serving.server import tensors
from serving.server.errors import failed_precondition, from_tensorflow, invalid_argument
from serving.warmup import WARMUP_FILE

DEFAULT_SIGNATURE = "serving_default"

# A client may ask for any subset of the outputs.
_MAX_CALLABLES = 64


class LoadedModel:
    """A SavedModel in a session, ready to run.

    A session and not `tf.saved_model.load`: so TF Serving does it, and what only works otherwise
    is found here. It also runs no more of the graph than the asked outputs need.

    Args:
      path: folder of the SavedModel.
      threads: of one run.

    Raises:
      Exception: whatever TensorFlow raises for a folder that is no SavedModel.
    """

    def __init__(self, path: str, threads: int):
        self._path = path
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(
            graph=graph,
            config=tf.compat.v1.ConfigProto(
                intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads
            ),
        )
        try:
            with graph.as_default():
                meta_graph = tf.compat.v1.saved_model.load(
                    self._session, [tf.saved_model.SERVING], path
                )
        except Exception:
            self._session.close()
            raise
        self.signatures = dict(meta_graph.signature_def)
        self._callables = {}
        # Left to the interpreter's end, their release finds TensorFlow's functions gone.
        weakref.finalize(self, self._callables.clear)

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
          StatusError: if something does not fit.
        """
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        signature = self.signature(name)
        if set(request.inputs) != set(signature.inputs):
            raise invalid_argument(_input_mismatch(set(request.inputs), set(signature.inputs)))
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
        for key, array in inputs.items():
            tensors.check(key, array, self.signatures[name].inputs[key])
        if len({len(array) for array in inputs.values()}) > 1:
            raise invalid_argument("Inputs have different numbers of rows.")

    def run(
        self, name: str, inputs: Mapping[str, np.ndarray], outputs: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Runs one signature; may be called by several threads.

        Args:
          name: of the signature.
          inputs: checked inputs.
          outputs: names of the outputs to compute.

        Returns:
          Output to array.

        Raises:
          StatusError: with TensorFlow's own code.
        """
        try:
            arrays = self._callable(name, tuple(outputs))(*(inputs[key] for key in sorted(inputs)))
        except tf.errors.OpError as error:
            raise from_tensorflow(error) from error
        except UnicodeDecodeError as error:
            # TensorFlow's own error could not be raised because it quotes what the client sent.
            raise invalid_argument(error.object.decode(errors="replace")) from error
        return dict(zip(outputs, arrays, strict=True))

    def _callable(self, name: str, outputs: tuple[str, ...]):
        """The signature as a function of its inputs, in their order by name.

        `Session.run` prepares feeds and fetches anew every time; one user waits for that up to a
        millisecond longer.
        """
        key = (name, outputs)
        made = self._callables.get(key)
        if made is None:
            signature = self.signatures[name]
            options = config_pb2.CallableOptions(
                feed=[signature.inputs[each].name for each in sorted(signature.inputs)],
                fetch=[signature.outputs[each].name for each in outputs],
            )
            made = self._session._make_callable_from_options(options)
            if len(self._callables) >= _MAX_CALLABLES:
                self._callables.clear()
            self._callables[key] = made
        return made

    def close(self) -> None:
        """Frees the session."""
        self._callables.clear()
        self._session.close()


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


def _input_mismatch(given: set[str], expected: set[str]) -> str:
    if len(given) == len(expected):
        alias = min(given - expected)
        return (
            f"input tensor alias not found in signature: {alias}. Inputs expected to be in the "
            f"set {{{','.join(sorted(expected))}}}."
        )
    return (
        f"input size does not match signature: {len(given)}!={len(expected)} "
        f"len({{{','.join(sorted(given))}}}) != len({{{','.join(sorted(expected))}}}). "
        f"Sent extra: {{{','.join(sorted(given - expected))}}}. "
        f"Missing but required: {{{','.join(sorted(expected - given))}}}."
    )
