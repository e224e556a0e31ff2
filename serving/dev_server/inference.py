"""Classify, Regress and MultiInference: what TF Serving answers for models without them.

Its checks are `PreProcessClassification` and `PreProcessRegression`, in
`tensorflow_serving/servables/tensorflow/{classifier,regressor}.cc`. The signatures of this
project's models never pass them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from contract.signatures import SERVING_DEFAULT
from serving.dev_server.errors import StatusError, invalid_argument, unimplemented
from serving.dev_server.json_body import debug_string, type_name
from serving.dev_server.json_tensors import decode_base64, is_base64

CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"
_INPUTS, _OUTPUTS = "inputs", "outputs"
_CLASSES, _SCORES = "classes", "scores"


def refuse(method: str, signature_name: str, signatures: Mapping[str, Any]) -> StatusError:
    """Why a signature cannot classify or regress.

    Args:
        method: `CLASSIFY` or `REGRESS`.
        signature_name: As the request names it.
        signatures: The model's.
    """
    name = signature_name or SERVING_DEFAULT
    if name not in signatures:
        return invalid_argument(f"No signature was found with the name: {name}")
    return _mistake(method, signatures[name])


def refuse_tasks(tasks: Iterable[Any], signatures: Mapping[str, Any]) -> StatusError:
    """Why the tasks of a `MultiInferenceRequest` cannot be done.

    Args:
        tasks: `InferenceTask`s, at least one.
        signatures: The model's.
    """
    model = ""
    for task in tasks:
        spec = task.model_spec
        name = spec.signature_name or SERVING_DEFAULT
        if not spec.name:
            return invalid_argument("Found ModelSpec with an empty model name.")
        if model and model != spec.name:
            return invalid_argument(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        model = spec.name
        if name not in signatures:
            return invalid_argument(f"Requested signature not found in model graph: {name}")
        if task.method_name not in (CLASSIFY, REGRESS):
            return unimplemented(f"Unsupported signature method_name: {task.method_name}")
        return _mistake(task.method_name, signatures[name])
    return invalid_argument("ModelSpec has no name specified.")


def check_examples(document: Mapping[str, Any]) -> None:
    """Checks the examples of a REST request to classify or regress.

    Args:
        document: The request.

    Raises:
        StatusError: INVALID_ARGUMENT, if they are none.
    """
    if "context" in document:
        _check_example(document["context"])
    mistake = None
    if "examples" not in document:
        mistake = "When method is classify, key 'examples' is expected and was not found"
    elif not isinstance(document["examples"], list):
        mistake = "Expecting 'examples' value to be an list/array"
    elif not document["examples"]:
        mistake = "'examples' value is an empty array"
    if mistake:
        raise invalid_argument(f"JSON Value: {debug_string(document)} {mistake}")
    for example in document["examples"]:
        _check_example(example)


def _mistake(method: str, signature: Any) -> StatusError:
    if len(signature.inputs) != 1:
        return invalid_argument("Expected one input Tensor.")
    classifies = method == CLASSIFY
    count = len(signature.outputs)
    if classifies and count not in (1, 2):
        return invalid_argument(f"Expected one or two output Tensors, found {count}")
    if not classifies and count != 1:
        return invalid_argument("Expected one output Tensor.")
    kind = "classification" if classifies else "regression"
    if _INPUTS not in signature.inputs:
        return invalid_argument(f"No {kind} inputs found in SignatureDef: {signature}")
    if classifies and not {_CLASSES, _SCORES} & set(signature.outputs):
        return invalid_argument(
            "Expected classification signature outputs to contain at least one of "
            f'"{_CLASSES}" or "{_SCORES}". Signature was: {signature}'
        )
    if not classifies and _OUTPUTS not in signature.outputs:
        return invalid_argument(f"No {kind} outputs found in SignatureDef: {signature}")
    return unimplemented(
        f"This development server does not run signatures for {kind}; TF Serving does."
    )


def _check_example(example: Any) -> None:
    if not isinstance(example, dict):
        raise invalid_argument(f"Example must be JSON object but got JSON {type_name(example)}")
    for name, content in example.items():
        kind = None
        for value in content if isinstance(content, list) else [content]:
            this = _kind(name, value)
            if kind not in (None, this):
                raise invalid_argument(
                    f"Unexpected element type in feature: {name} expecting type: {kind}"
                )
            kind = this


def _kind(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "int64"
    if isinstance(value, float):
        return "float"
    if isinstance(value, int):
        if value >= 1 << 63:
            raise invalid_argument(
                f"Feature: {name} has uint64_t element. Only int64_t is supported."
            )
        return "int64"
    if isinstance(value, dict) and is_base64(value):
        decode_base64(value)
    elif not isinstance(value, str):
        raise invalid_argument(
            f"Feature: {name} has element with unexpected JSON type: {type_name(value)}"
        )
    return "bytes"
