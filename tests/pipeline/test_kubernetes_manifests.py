"""The engines' manifests are of fields that Kubernetes has, and fit Beam's options beside them."""

import pathlib
import re

import pytest
import yaml
from kubernetes import client

_CONFIGS = pathlib.Path(__file__).parents[2] / "configs"
_PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object}


def _check(value, kind, where=""):
    """Whether a value is what Kubernetes' client takes for a type, no field unknown or missing."""
    if many := re.fullmatch(r"list\[(.*)\]", kind):
        assert isinstance(value, list), where
        for number, item in enumerate(value):
            _check(item, many[1], f"{where}[{number}]")
    elif mapping := re.fullmatch(r"dict[([]str, (.*)[)\]]", kind):
        assert isinstance(value, dict), where
        for key, item in value.items():
            _check(item, mapping[1], f"{where}.{key}")
    elif kind in _PLAIN:
        assert isinstance(value, _PLAIN[kind]), f"{where} is no {kind}"
    else:
        model = getattr(client, kind)
        types = {model.attribute_map[name]: of for name, of in model.openapi_types.items()}
        assert set(value) <= set(types), f"{where} has no {set(value) - set(types)}"
        for key, item in value.items():
            _check(item, types[key], f"{where}.{key}")
        names = {name: value.get(key) for name, key in model.attribute_map.items()}
        model(**names)  # Says what is missing.


def _manifests(name):
    return list(yaml.safe_load_all((_CONFIGS / "kubernetes" / name).read_text()))


def _beam_args(name):
    return yaml.safe_load((_CONFIGS / "beam" / name).read_text())["beam"]["args"]


@pytest.mark.parametrize("number", range(len(_manifests("spark.yaml"))))
def test_spark(number):
    manifest = _manifests("spark.yaml")[number]
    _check(manifest, f"V1{manifest['kind']}")


def test_every_service_of_spark_has_pods():
    manifests = _manifests("spark.yaml")
    services = [manifest for manifest in manifests if manifest["kind"] == "Service"]
    pods = [m["spec"]["template"]["metadata"]["labels"] for m in manifests if m not in services]
    assert len(services) == 2
    assert all(service["spec"]["selector"] in pods for service in services)


def test_the_pods_of_flink():
    (manifest,) = _manifests("flink.yaml")
    _check(manifest["spec"]["taskManager"]["podTemplate"], "V1PodTemplateSpec")


def test_what_is_no_field_is_noticed():
    manifest = _manifests("spark.yaml")[1]
    manifest["spec"]["template"]["spec"]["containers"][0]["volumeMount"] = []
    with pytest.raises(AssertionError, match=r"containers\[0\] has no .*volumeMount"):
        _check(manifest, "V1Deployment")
    del manifest["spec"]["template"]
    with pytest.raises(ValueError, match="template"):
        _check(manifest, "V1Deployment")


def test_beams_options_name_these_services():
    (flink,) = _manifests("flink.yaml")
    name, namespace = flink["metadata"]["name"], flink["metadata"]["namespace"]
    # The operator's name for it.
    assert f"--flink_master=http://{name}-rest.{namespace}:8081" in _beam_args("flink.yaml")
    services = {
        (f"{m['metadata']['name']}.{m['metadata']['namespace']}", port["name"]): port["port"]
        for m in _manifests("spark.yaml")
        if m["kind"] == "Service"
        for port in m["spec"]["ports"]
    }
    name = "beam-spark-job-server.spark"
    assert {
        f"--job_endpoint={name}:{services[name, 'jobs']}",
        f"--artifact_endpoint={name}:{services[name, 'artifacts']}",
    } <= set(_beam_args("spark.yaml"))
    texts = (_CONFIGS / "kubernetes" / "spark.yaml").read_text()
    assert (
        texts.count(f"spark://spark-master.spark:{services['spark-master.spark', 'master']}") == 2
    )


def test_the_pool_is_where_beams_options_have_it():
    for name in ("flink.yaml", "spark.yaml"):
        (address,) = (
            arg.partition("=")[2]
            for arg in _beam_args(name)
            if arg.startswith("--environment_config=")
        )
        port = address.rpartition(":")[2]
        command = f"command: [python, -m, pipeline.worker_pool, --port={port}]"
        assert (_CONFIGS / "kubernetes" / name).read_text().count(command) == 1
