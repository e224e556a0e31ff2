"""Requests from histories, and results from responses: what both clients share."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from contract.features import BEHAVIORS
from contract.signatures import EXAMPLES, SERVING_DEFAULT, USER_VECTOR, VECTORS
from serving.client import wire
from serving.client.event_lists import Events, check_events, write_events
from serving.client.wire import Message

PREDICT = "/tensorflow.serving.PredictionService/Predict"
GET_MODEL_METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
GET_MODEL_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"

Text = str | bytes
History = Sequence[Text]
FloatArray = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class ModelVersion:
    """Which model is asked; without version and label the newest that is loaded."""

    name: str
    version: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("The model's name is empty; TF Serving needs one.")
        if self.version is not None and self.label is not None:
            raise ValueError("A version or a label, not both.")

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.name} version {self.version}"
        return self.name if self.label is None else f"{self.name} label {self.label}"

    def fill(self, spec: Message) -> None:
        """Writes itself into a `ModelSpec`."""
        spec.name = self.name
        if self.version is not None:
            spec.version.value = self.version
        elif self.label is not None:
            spec.version_label = self.label


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """State of one version: START, LOADING, AVAILABLE, UNLOADING or END, and its error if any."""

    version: int
    state: str
    error: str


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """Type (TensorFlow's number) and shape of an input or output; -1 is any size."""

    dtype: int
    shape: tuple[int, ...] | None

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape, where it is known.

        Raises:
            ValueError: If not even the number of dimensions is known.
        """
        if self.shape is None:
            raise ValueError("The model does not say of how many dimensions this tensor is.")
        return self.shape


@dataclasses.dataclass(frozen=True)
class ModelMetadata:
    """Version and signatures of a served model.

    Attributes:
        version: Number of the version that answered.
        inputs: Signature to the specs of its inputs.
        outputs: Signature to the specs of its outputs.
    """

    version: int
    inputs: dict[str, dict[str, TensorSpec]]
    outputs: dict[str, dict[str, TensorSpec]]

    @property
    def dimension(self) -> int:
        """Length of a user vector."""
        return self.outputs[SERVING_DEFAULT][USER_VECTOR].sizes[-1]

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that the model predicts."""
        return tuple(sorted(set(self.outputs[SERVING_DEFAULT]) - set(VECTORS)))

    def of_nobody(self, names: Sequence[str]) -> dict[str, FloatArray]:
        """The outputs for no users: arrays without rows, as wide as any other.

        Args:
            names: Of the outputs.
        """
        specs = self.outputs[SERVING_DEFAULT]
        return {name: np.zeros((0, *specs[name].sizes[1:]), np.float32) for name in names}


def predict_requests(
    histories: Sequence[History],
    events: Events,
    model: ModelVersion,
    signature: str,
    outputs: Sequence[str],
    batch_size: int,
) -> Iterator[Message]:
    """`PredictRequest`s for all histories, one a batch.

    The signature must be one of those that take serialised examples. The inputs of `encode` and
    its kin have as many columns as the longest history, and TF Serving fails when it should batch
    requests of different widths.

    Raises:
        TypeError: If a history is not a sequence of texts, or its events not one of what they are.
        ValueError: If there is not an event for every text, or it cannot be what it should.
    """
    for start in range(0, len(histories), batch_size):
        batch = histories[start : start + batch_size]
        request = wire.PredictRequest(output_filter=outputs)
        model.fill(request.model_spec)
        request.model_spec.signature_name = signature
        tensor = request.inputs[EXAMPLES]
        tensor.dtype = wire.DT_STRING
        tensor.tensor_shape.dim.add(size=len(batch))
        tensor.string_val.extend(
            _example(history, events, index) for index, history in enumerate(batch, start)
        )
        yield request


def check_users(histories: Sequence[History], events: Events) -> None:
    """Finds the mistake that is easily made: one history, or one text, instead of several.

    Raises:
        TypeError: If `histories` is not a sequence of sequences.
        ValueError: If `events` are of another number of users.
    """
    if isinstance(histories, (str, bytes)) or not isinstance(histories, Sequence):
        raise TypeError(
            f"histories must be a list of histories, each a list of texts, not "
            f"{type(histories).__name__}; for one user write [[text, ...]]."
        )
    check_events(len(histories), events)


def _example(history: History, events: Events, index: int) -> bytes:
    if isinstance(history, (str, bytes)):
        raise TypeError(
            f"histories[{index}] is one text; a history is a list of texts, oldest first. For one "
            "user write [[text, ...]]."
        )
    example = wire.Example()
    texts = example.features.feature[BEHAVIORS].bytes_list.value
    try:
        texts.extend(
            text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
            for text in history
        )
    except TypeError as error:
        raise TypeError(f"histories[{index}]: every text must be str or bytes.") from error
    write_events(example, events, index, len(history))
    serialized: bytes = example.SerializeToString()
    return serialized


def float_array(tensor: Message) -> FloatArray:
    """A float `TensorProto` as an array of its own, float32.

    TF Serving writes numbers either as a list or, with `--enable_serialization_as_tensor_content`,
    as bytes.

    Raises:
        ValueError: If it is no float tensor, or its values do not fill its shape.
    """
    if tensor.dtype != wire.DT_FLOAT:
        raise ValueError(f"A float tensor was expected, not type {tensor.dtype}.")
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    data = tensor.tensor_content or b"".join(tensor.float_val)
    values = np.frombuffer(data, "<f4").astype(np.float32)
    size = int(np.prod(shape))
    if 0 < len(values) < size and not tensor.tensor_content:
        # A tensor's last value stands for all that are left out.
        values = np.concatenate([values, np.full(size - len(values), values[-1], np.float32)])
    return values.reshape(shape)


def metadata_request(model: ModelVersion) -> Message:
    """The `GetModelMetadataRequest` for the signatures."""
    request = wire.GetModelMetadataRequest(metadata_field=["signature_def"])
    model.fill(request.model_spec)
    return request


def parse_metadata(response: Message) -> ModelMetadata:
    """The signatures in a `GetModelMetadataResponse`."""
    signatures = wire.SignatureDefMap.FromString(response.metadata["signature_def"].value)
    return ModelMetadata(
        version=response.model_spec.version.value,
        inputs={name: _specs(s.inputs) for name, s in signatures.signature_def.items()},
        outputs={name: _specs(s.outputs) for name, s in signatures.signature_def.items()},
    )


def _specs(infos: Mapping[str, Message]) -> dict[str, TensorSpec]:
    return {
        name: TensorSpec(
            dtype=info.dtype,
            shape=None
            if info.tensor_shape.unknown_rank
            else tuple(dim.size for dim in info.tensor_shape.dim),
        )
        for name, info in infos.items()
    }


def status_request(model: ModelVersion) -> Message:
    """The `GetModelStatusRequest` for the states of the model's versions."""
    request = wire.GetModelStatusRequest()
    model.fill(request.model_spec)
    return request


def parse_status(response: Message) -> list[VersionStatus]:
    """The versions in a `GetModelStatusResponse`, in their order."""
    states = {
        number: n for n, number in wire.ENUMS["tensorflow.serving.ModelVersionStatus.State"].items()
    }
    return sorted(
        (
            VersionStatus(
                version=each.version,
                state=states.get(each.state, str(each.state)),
                error=each.status.error_message,
            )
            for each in response.model_version_status
        ),
        key=lambda status: status.version,
    )


class Results:
    """Puts the answers to one call's batches together.

    While a server swaps versions, one batch may be answered by the old and the next by the new
    version. Their vectors cannot be compared, so what the older one answered is asked again.

    Args:
        requests: `PredictRequest`s, one a batch.
    """

    def __init__(self, requests: Sequence[Message]):
        self._requests = requests
        self._answers: list[dict[str, FloatArray]] = [{}] * len(requests)
        self._versions: list[int] = [0] * len(requests)

    def add(self, index: int, response: Message) -> None:
        """Takes the `PredictResponse` to the request of this index."""
        self._versions[index] = response.model_spec.version.value
        self._answers[index] = {
            name: float_array(tensor) for name, tensor in response.outputs.items()
        }

    def stale(self) -> list[int]:
        """Indices of batches that another version answered than the last batch.

        Their requests then ask for that version.
        """
        version = self._versions[-1]
        stale = [index for index, other in enumerate(self._versions) if other != version]
        for index in stale:
            self._requests[index].model_spec.version.value = version
        return stale

    def arrays(self) -> dict[str, FloatArray]:
        """Output to its rows, in the order of the histories."""
        return {
            name: np.concatenate([answer[name] for answer in self._answers])
            for name in self._answers[0]
        }
