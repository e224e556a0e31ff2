"""The manifest for Flink's operator is what the operator's own schema takes."""

import os
import pathlib

import jsonschema
import pytest
import yaml

_MANIFEST = pathlib.Path(__file__).parents[2] / "configs" / "kubernetes" / "flink.yaml"


@pytest.fixture(scope="module")
def validator():
    """Of the custom resource's schema, but for fields that Kubernetes would drop in silence."""
    path = pathlib.Path(os.environ["ENGINES"], "flinkdeployments.yaml")
    definition = yaml.safe_load(path.read_text())["spec"]
    (version,) = definition["versions"]
    schema = _strict(version["schema"]["openAPIV3Schema"])
    schema["properties"] |= {
        "apiVersion": {"const": f"{definition['group']}/{version['name']}"},
        "kind": {"const": definition["names"]["kind"]},
        "metadata": {"type": "object"},
    }
    return jsonschema.Draft202012Validator(schema)


def _strict(schema):
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        found.setdefault("additionalProperties", False)
    return found


def _manifest():
    return yaml.safe_load(_MANIFEST.read_text())


def test_the_operator_takes_it(validator):
    validator.validate(_manifest())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda spec: spec.update(flinkVersion="v1_99"), "v1_99"),
        (lambda spec: spec["taskManager"].update(replica=4), "replica"),
        (lambda spec: spec["taskManager"]["podTemplate"]["spec"].update(containers={}), "array"),
    ],
)
def test_the_operator_would_not_take_others(validator, change, message):
    manifest = _manifest()
    change(manifest["spec"])
    with pytest.raises(jsonschema.ValidationError, match=message):
        validator.validate(manifest)
