"""An exported model in a session, as TF Serving runs it."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, saved_model_pb2

from contract.event_channels import EVENT_CHANNELS, TIME, EventChannel
from contract.signatures import ENCODE_WITH_CHANNELS

# A client may ask for any subset of the outputs.
_MAX_CALLABLES = 64


class SavedModelSession:
    """A SavedModel in a session, ready to run.

    A session and not `tf.saved_model.load`: so TF Serving does it, and what only works otherwise
    is found here. It also runs no more of the graph than the asked outputs need.

    Args:
        path: Folder of the SavedModel.
        threads: Of one run.
        optimize: Whether TensorFlow rewrites the graph before its first run. That takes seconds
            and pays off with one user at a time, not with a few batches of many.

    Attributes:
        signatures: Name -> `SignatureDef`.

    Raises:
        Exception: Whatever TensorFlow raises for a folder that is no SavedModel.
    """

    def __init__(self, path: str, threads: int, *, optimize: bool = True):
        graph = tf.Graph()
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads
        )
        config.graph_options.rewrite_options.disable_meta_optimizer = not optimize
        self._session = tf.compat.v1.Session(graph=graph, config=config)
        try:
            with graph.as_default():
                meta_graph = tf.compat.v1.saved_model.load(
                    self._session, [tf.saved_model.SERVING], path
                )
        except Exception:
            self._session.close()
            raise
        self.signatures = dict(meta_graph.signature_def)
        self._callables: dict[tuple[str, tuple[str, ...]], Callable] = {}
        # Left to the interpreter's end, their release finds TensorFlow's functions gone.
        weakref.finalize(self, self._callables.clear)

    def run(
        self, name: str, inputs: Mapping[str, np.ndarray], outputs: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Runs one signature; may be called by several threads.

        Args:
            name: Of the signature.
            inputs: All inputs of the signature, with its types and shapes.
            outputs: Names of the outputs to compute.

        Returns:
            Output -> array.

        Raises:
            tf.errors.OpError: The graph could not be run on these inputs.
        """
        arrays = self._callable(name, tuple(outputs))(*(inputs[key] for key in sorted(inputs)))
        return dict(zip(outputs, arrays, strict=True))

    def close(self) -> None:
        """Frees the session."""
        self._callables.clear()
        self._session.close()

    def _callable(self, name: str, outputs: tuple[str, ...]) -> Callable:
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


def further_channels(path: str) -> tuple[EventChannel, ...]:
    """Returns the channels of events that an exported model takes besides that of time.

    Args:
        path: Folder of the SavedModel.
    """
    saved_model = saved_model_pb2.SavedModel()
    with tf.io.gfile.GFile(
        os.path.join(path, tf.saved_model.SAVED_MODEL_FILENAME_PB), "rb"
    ) as file:
        saved_model.ParseFromString(file.read())
    signatures = saved_model.meta_graphs[0].signature_def
    inputs = signatures[ENCODE_WITH_CHANNELS].inputs if ENCODE_WITH_CHANNELS in signatures else ()
    return tuple(
        channel for channel in EVENT_CHANNELS if channel is not TIME and channel.feature in inputs
    )
