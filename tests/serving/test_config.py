"""The operator's files: parsed as TF Serving, Docker and Kubernetes read them."""

import pathlib
import shutil
import subprocess

import pytest
import yaml
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)
from kubernetes import client as kubernetes
from tensorflow_serving.config import model_server_config_pb2

from trainer.export.warmup import ALLOWED_BATCH_SIZES

_CONFIG = pathlib.Path(__file__).parents[2] / "serving" / "config"
_KUBERNETES = _CONFIG / "kubernetes"

# `tensorflow-serving-api` lacks these two: tensorflow_serving/servables/tensorflow/
# session_bundle_config.proto and tensorflow_serving/config/monitoring_config.proto of release 2.16.
_FIELDS = {
    "BatchingParameters": {
        "max_batch_size": (1, "Int64Value"),
        "batch_timeout_micros": (2, "Int64Value"),
        "max_enqueued_batches": (3, "Int64Value"),
        "num_batch_threads": (4, "Int64Value"),
        "thread_pool_name": (5, "StringValue"),
        "allowed_batch_sizes": (6, "repeated int64"),
        "pad_variable_length_inputs": (7, "bool"),
    },
    "PrometheusConfig": {"enable": (1, "bool"), "path": (2, "string")},
    "MonitoringConfig": {"prometheus_config": (1, "PrometheusConfig")},
}


def _message(name):
    file = descriptor_pb2.FileDescriptorProto(
        name="operator.proto",
        package="tensorflow.serving",
        syntax="proto3",
        dependency=["google/protobuf/wrappers.proto"],
    )
    for message_name, fields in _FIELDS.items():
        message = file.message_type.add(name=message_name)
        for field_name, (number, kind) in fields.items():
            field = message.field.add(name=field_name, number=number)
            repeated = kind.startswith("repeated ")
            field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            kind = kind.removeprefix("repeated ")
            if kind in _FIELDS or kind.endswith("Value"):
                package = "google.protobuf" if kind.endswith("Value") else "tensorflow.serving"
                field.type, field.type_name = field.TYPE_MESSAGE, f".{package}.{kind}"
            else:
                field.type = field.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    descriptor = pool.FindMessageTypeByName(f"tensorflow.serving.{name}")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)()
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)()


def test_models():
    config = text_format.Parse(
        (_CONFIG / "models.config").read_text(), model_server_config_pb2.ModelServerConfig()
    )
    (model,) = config.model_config_list.config
    versions = model.model_version_policy.specific.versions
    assert set(model.version_labels) == {"stable", "canary"}
    assert set(model.version_labels.values()) <= set(versions)


def test_batching_parameters():
    parameters = text_format.Parse(
        (_CONFIG / "batching_parameters.txt").read_text(), _message("BatchingParameters")
    )
    # TF Serving's own conditions.
    sizes = list(parameters.allowed_batch_sizes)
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == parameters.max_batch_size.value
    # Every shape that is run was warmed up, and no text is appended to a history.
    assert tuple(sizes) == ALLOWED_BATCH_SIZES
    assert not parameters.pad_variable_length_inputs
    assert parameters.num_batch_threads.value >= 1
    assert parameters.max_enqueued_batches.value >= 1


def test_monitoring():
    config = text_format.Parse(
        (_CONFIG / "monitoring.config").read_text(), _message("MonitoringConfig")
    )
    assert config.prometheus_config.enable
    path = config.prometheus_config.path
    (scrape,) = yaml.safe_load((_CONFIG / "prometheus.yml").read_text())["scrape_configs"]
    assert scrape["metrics_path"] == path
    deployment = _documents()["Deployment"]
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] == path


def test_compose_file():
    services = yaml.safe_load((_CONFIG / "docker-compose.yaml").read_text())["services"]
    (scrape,) = yaml.safe_load((_CONFIG / "prometheus.yml").read_text())["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": ["serving:8501"]}]
    flags = _flags(services["serving"]["command"])
    assert flags == _flags(services["serving-gpu"]["command"])
    for volume in services["serving"]["volumes"]:
        source = volume.partition(":")[0]
        if source.startswith("./"):
            assert (_CONFIG / source).is_file()
    container = _documents()["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == services["serving"]["image"]
    only_there = {"--port", "--grpc_channel_arguments"}
    assert flags == {
        flag: value for flag, value in _flags(container["args"]).items() if flag not in only_there
    }


_KINDS = {
    "Deployment": "V1Deployment",
    "Service": "V1Service",
    "PodDisruptionBudget": "V1PodDisruptionBudget",
    "HorizontalPodAutoscaler": "V2HorizontalPodAutoscaler",
}


@pytest.mark.parametrize("kind", _KINDS)
def test_kubernetes_manifests(kind):
    document = _documents()[kind]
    # The official models refuse what is missing; what they do not know is lost on the way back.
    assert _as_kubernetes_reads(document, _KINDS[kind]) == document


def test_the_parts_of_the_manifests_fit():
    documents = _documents()
    spec = documents["Deployment"]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"] == labels
    assert documents["Service"]["spec"]["selector"] == labels
    assert documents["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    ports = {port["name"] for port in container["ports"]}
    assert {port["targetPort"] for port in documents["Service"]["spec"]["ports"]} == ports
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in pod["volumes"]
    }
    kustomization = yaml.safe_load((_KUBERNETES / "base" / "kustomization.yaml").read_text())
    (generator,) = kustomization["configMapGenerator"]
    assert generator["name"] == pod["volumes"][1]["configMap"]["name"]
    for file in generator["files"]:
        assert (_KUBERNETES / "base" / file).is_file()
        assert f"/config/{pathlib.Path(file).name}" in _flags(container["args"]).values()


def test_gpu_overlay():
    kustomization = yaml.safe_load((_KUBERNETES / "gpu" / "kustomization.yaml").read_text())
    (patch,) = kustomization["patches"]
    deployment = _documents()["Deployment"]
    for operation in yaml.safe_load(patch["patch"]):
        *parents, last = (
            part.replace("~1", "/") for part in operation["path"].removeprefix("/").split("/")
        )
        target = deployment
        for part in parents:
            target = target[int(part) if isinstance(target, list) else part]
        assert operation["op"] == "add" or last in target
        target[last] = operation["value"]
    assert _as_kubernetes_reads(deployment, "V1Deployment") == deployment
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"].endswith("-gpu")
    assert container["resources"]["limits"] == {"memory": "2Gi", "nvidia.com/gpu": "1"}


def test_kserve_runs_the_same_container():
    text = (_KUBERNETES / "kserve" / "inference-service.yaml").read_text()
    predictor = yaml.safe_load(text)["spec"]["predictor"]
    own = ("minReplicas", "maxReplicas", "scaleMetric", "scaleTarget", "timeout")
    pod = {key: value for key, value in predictor.items() if key not in own}
    assert _as_kubernetes_reads(pod, "V1PodSpec") == pod
    theirs = _documents()["Deployment"]["spec"]["template"]["spec"]
    (container,), (base) = pod["containers"], theirs["containers"][0]
    same = ("image", "command", "resources", "lifecycle", "securityContext", "volumeMounts")
    assert {key: container[key] for key in same} == {key: base[key] for key in same}
    # Behind KServe's proxy no connection is a client's.
    flags = _flags(base["args"])
    del flags["--grpc_channel_arguments"]
    assert _flags(container["args"]) == flags
    assert pod["volumes"] == theirs["volumes"]
    assert [port["containerPort"] for port in container["ports"]] == [int(flags["--port"])]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize(
    ("folder", "kinds"),
    [("base", {*_KINDS}), ("gpu", {*_KINDS}), ("kserve", {"InferenceService"})],
)
def test_kustomize_builds_them(folder, kinds):
    run = subprocess.run(
        ["kubectl", "kustomize", "--load-restrictor=LoadRestrictionsNone", _KUBERNETES / folder],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    documents = list(yaml.safe_load_all(run.stdout))
    assert {document["kind"] for document in documents} == {*kinds, "ConfigMap"}
    # Whatever the name of the ConfigMap becomes, the pods mount it.
    (config,) = (each["metadata"]["name"] for each in documents if each["kind"] == "ConfigMap")
    assert f"name: {config}\n" in run.stdout.split("volumes:")[-1]


def _documents():
    text = (_KUBERNETES / "base" / "serving.yaml").read_text()
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def _flags(arguments):
    return dict(argument.split("=", 1) for argument in arguments)


def _as_kubernetes_reads(document, model):
    api = kubernetes.ApiClient()
    read = api._ApiClient__deserialize(document, model)
    return api.sanitize_for_serialization(read)
