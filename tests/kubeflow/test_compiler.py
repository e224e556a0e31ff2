"""What is compiled: compared with golden files, with KFP's own proto, and loaded by its SDK.

After a change that is meant:

    python -m pytest tests/kubeflow/test_compiler.py --update-golden
    git diff tests/kubeflow/golden
"""

import copy
import json
import pathlib
import re

import pytest
import yaml
from google.protobuf import json_format
from kfp import components
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from contract.errors import UsageError
from kubeflow.compile_command import load
from kubeflow.local import spec as local_spec
from pipeline.config import PipelineConfig
from pipeline.init_command import Names, init

_ROOT = pathlib.Path(__file__).parents[2]
_GOLDEN = pathlib.Path(__file__).parent / "golden"
_NAMES = ("demo", "industrial")
_IMAGE = "registry.example/users:1"
_TRAINERS = {"EncoderTrainer", "HeadsTrainer"}


def _compile(config, target="kfp"):
    from kubeflow.compiler import compile_pipeline

    return compile_pipeline(config, target)


@pytest.fixture(scope="module")
def compiled():
    """Name of a configuration -> what it compiles to."""
    return {
        name: _compile(
            load(
                str(_ROOT / "configs" / f"{name}.yaml"),
                image=_IMAGE,
                gpu_image=f"{_IMAGE}-gpu",
                pipeline_root="s3://artifacts/users",
            )
        )
        for name in _NAMES
    }


@pytest.fixture(params=_NAMES)
def one(request, compiled):
    """Each of the compiled configurations."""
    return compiled[request.param]


def _normal(compiled):
    """Without what changes with the code or the installed version, not with the pipeline."""
    compiled = copy.deepcopy(compiled)
    for task in compiled.spec["root"]["dag"]["tasks"].values():
        if options := task.get("inputs", {}).get("parameters", {}).get("stats_options_json"):
            kept = json.loads(options["runtimeValue"]["constant"])
            kept.pop("_slice_sqls", None)  # of TFDV 1.16 alone
            options["runtimeValue"]["constant"] = json.dumps(kept)
    text = re.sub(
        r"(code_digest:\n +runtimeValue:\n +constant: )\S+", r"\1CODE_DIGEST", compiled.to_yaml()
    )
    text = re.sub(r'"[0-9a-f]{16}"', '"CODE_DIGEST"', text)  # of the Auditor's `code_digests`
    return re.sub(r"sdkVersion: tfx-\S+", "sdkVersion: tfx-VERSION", text)


@pytest.mark.parametrize("name", _NAMES)
def test_golden(compiled, name, request):
    path = _GOLDEN / f"{name}.yaml"
    text = _normal(compiled[name])
    if request.config.getoption("--update-golden", default=False):
        path.write_text(text)
    assert text == path.read_text(), (
        f"The compiled {name} changed. If that is meant: python -m pytest {__file__} "
        "--update-golden, and commit the file."
    )
    assert text.count("CODE_DIGEST") >= 9


def test_kfps_proto_takes_it(one):
    spec = json_format.ParseDict(one.spec, pipeline_spec_pb2.PipelineSpec())
    assert spec.schema_version == "2.1.0"
    assert spec.default_pipeline_root == "s3://artifacts/users"
    platform = json_format.ParseDict(one.platform, pipeline_spec_pb2.PlatformSpec())
    executors = platform.platforms["kubernetes"].deployment_spec.executors
    assert set(executors.keys()) == set(one.spec["deploymentSpec"]["executors"])
    for executor in one.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
        assert [mount.mount_path for mount in _parsed(executor).pvc_mount] == ["/data", "/models"]


_YOUNGER = {
    *("tolerations", "imagePullSecret", "imagePullPolicy", "podMetadata", "activeDeadlineSeconds"),
    *("nodeAffinity", "emptyDirMounts", "genericEphemeralVolume"),
}
"""What the proto of kfp-kubernetes 1.0, the last for Python 3.10's stack, does not know."""


def _parsed(executor):
    """A step's settings, read by kfp-kubernetes' proto, which refuses what it does not know."""
    config = kubernetes_executor_config_pb2.KubernetesExecutorConfig()
    names = {field.json_name for field in config.DESCRIPTOR.fields}
    unknown = set(executor) - names
    assert unknown <= (set() if "tolerations" in names else _YOUNGER)
    json_format.ParseDict({k: v for k, v in executor.items() if k in names}, config)
    return config


def test_settings_of_kubernetes(tmp_path):
    config = _config(
        tmp_path,
        image_pull_secrets=["registry"],
        image_pull_policy="Always",
        pod_labels={"team": "users"},
        pod_annotations={"note": "all"},
        node_affinity=[{"key": "disk", "values": ["ssd"]}, {"key": "spot", "operator": "Exists"}],
        steps={
            "EncoderTrainer": {
                "pod_labels": {"job": "training"},
                "node_affinity": [{"key": "zone", "values": ["a", "b"], "weight": 7}],
                "timeout_hours": 1.5,
                "shared_memory": 8,
                "scratch": {"size": 100, "storage_class": "fast"},
            }
        },
    )
    compiled = _compile(config)
    executors = compiled.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    trainer, pusher = executors["EncoderTrainer_executor"], executors["Pusher_executor"]
    _parsed(trainer)
    for executor in (trainer, pusher):
        assert executor["imagePullSecret"] == [{"secretName": "registry"}]
        assert executor["imagePullPolicy"] == "Always"
    assert pusher["podMetadata"] == {"labels": {"team": "users"}, "annotations": {"note": "all"}}
    assert trainer["podMetadata"]["labels"] == {"team": "users", "job": "training"}
    needed = {
        "matchExpressions": [
            {"key": "disk", "operator": "In", "values": ["ssd"]},
            {"key": "spot", "operator": "Exists", "values": []},
        ]
    }
    preferred = {"key": "zone", "operator": "In", "values": ["a", "b"]}
    assert pusher["nodeAffinity"] == [needed]
    assert trainer["nodeAffinity"] == [needed, {"matchExpressions": [preferred], "weight": 7}]
    assert trainer["activeDeadlineSeconds"] == 5400
    assert "activeDeadlineSeconds" not in pusher
    assert trainer["emptyDirMounts"] == [
        {"volumeName": "shm", "mountPath": "/dev/shm", "medium": "Memory", "sizeLimit": "8G"}
    ]
    (scratch,) = trainer["genericEphemeralVolume"]
    assert (scratch["size"], scratch["storageClassName"]) == ("100G", "fast")
    containers = compiled.spec["deploymentSpec"]["executors"]
    assert {"name": "TMPDIR", "value": "/scratch"} in (
        containers["EncoderTrainer_executor"]["container"]["env"]
    )
    assert "pipelineConfig" not in compiled.platform["platforms"]["kubernetes"]


def test_settings_of_the_run(tmp_path):
    """Of KFP 2.17, which the tests of Argo read; older releases refuse them."""
    compiled = _compile(_config(tmp_path, timeout_hours=48, keep_finished_hours=24))
    assert compiled.platform["platforms"]["kubernetes"]["pipelineConfig"] == {
        "activeDeadlineSeconds": 172800,
        "resourceTtlOnCompletion": 86400,
    }


def test_a_webhook_hears_of_the_end(tmp_path):
    compiled = _compile(_config(tmp_path, notify={"secret": "slack"}))
    json_format.ParseDict(compiled.spec, pipeline_spec_pb2.PipelineSpec())
    tasks = compiled.spec["root"]["dag"]["tasks"]
    assert set(tasks) == {"Pipeline", "Notifier"}
    assert tasks["Notifier"]["dependentTasks"] == ["Pipeline"]
    parameters = set(compiled.spec["root"]["inputDefinitions"]["parameters"])
    assert set(tasks["Pipeline"]["inputs"]["parameters"]) == parameters
    inner = compiled.spec["components"]["Pipeline"]
    assert set(inner["inputDefinitions"]["parameters"]) == parameters
    assert {"Evaluator", "Pusher"} < set(inner["dag"]["tasks"])
    executors = compiled.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    notifier = executors["Notifier_executor"]
    assert notifier["secretAsEnv"] == [
        {"secretName": "slack", "keyToEnv": [{"secretKey": "url", "envVar": "WEBHOOK_URL"}]}
    ]
    path = tmp_path / "pipeline.yaml"
    path.write_text(compiled.to_yaml())
    components.load_component_from_file(str(path))
    steps = {step.name: step for step in local_spec.load(str(path)).steps}
    assert set(steps) == {*inner["dag"]["tasks"], "Notifier"}
    assert steps["Notifier"].upstream == set(inner["dag"]["tasks"])


def test_retries(one, tmp_path):
    for task in one.spec["root"]["dag"]["tasks"].values():
        assert task["retryPolicy"] == {
            "maxRetryCount": 2,
            "backoffDuration": "60s",
            "backoffFactor": 2.0,
            "backoffMaxDuration": "3600s",
        }
    compiled = _compile(
        _config(tmp_path, retries={"count": 0}, steps={"Transform": {"retries": {"count": 5}}})
    )
    tasks = compiled.spec["root"]["dag"]["tasks"]
    counts = {
        name: task.get("retryPolicy", {}).get("maxRetryCount") for name, task in tasks.items()
    }
    assert counts.pop("Transform") == 5
    assert set(counts.values()) == {None}


def _checkpoints(compiled):
    """Step -> the folder for the state of its training."""
    return {
        label.removesuffix("_executor"): variable["value"]
        for label, executor in compiled.spec["deploymentSpec"]["executors"].items()
        for variable in executor["container"].get("env", [])
        if variable["name"] == "TRAINING_BACKUPS"
    }


def test_the_state_of_a_training_outlives_its_pod(compiled, tmp_path):
    folder = "/models/checkpoints/industrial"
    assert _checkpoints(compiled["industrial"]) == {"EncoderTrainer": folder}
    events = {"events": "gs://b/e.jsonl", "labels": "gs://b/l.csv", "serving_dir": "gs://b/m"}
    assert _checkpoints(_compile(_config(tmp_path, **events))) == {}
    own = _compile(_config(tmp_path, **events, checkpoints="/data/state"))
    assert set(_checkpoints(own).values()) == {"/data/state"}
    with pytest.raises(UsageError, match=r"kubeflow\.checkpoints: /state is in no volume"):
        _compile(_config(tmp_path, checkpoints="/state"))


@pytest.mark.parametrize("name", ["demo", "industrial"])
def test_the_kfp_sdk_loads_it(name, compiled, tmp_path):
    one = compiled[name]
    path = tmp_path / "pipeline.yaml"
    path.write_text(one.to_yaml())
    component = components.load_component_from_file(str(path))
    inputs = component.component_spec.inputs
    assert inputs["encoder_learning_rate"].type == "Float"
    assert inputs["encoder_learning_rate"].default == 0.001
    assert inputs["encoder_max_epochs"].type == "Integer"
    assert set(inputs) == {
        "data",
        "serving_dir",
        *(
            f"{trainer}_{name}"
            for trainer in ("encoder", "heads")
            for name in ("batch_size", "learning_rate", "max_epochs")
        ),
    }
    assert component.platform_spec.platforms["kubernetes"]


def test_every_reference_is_there(one):
    """No Resolver, no lifecycle hook, and no task that only a name points to."""
    tasks = one.spec["root"]["dag"]["tasks"]
    parameters = one.spec["root"]["inputDefinitions"]["parameters"]
    for name, task in tasks.items():
        assert set(task.get("dependentTasks", [])) <= set(tasks)
        for source in task["inputs"].get("artifacts", {}).values():
            output = source["taskOutputArtifact"]
            outputs = one.spec["components"][output["producerTask"]]["outputDefinitions"]
            assert output["outputArtifactKey"] in outputs["artifacts"]
        for source in task["inputs"]["parameters"].values():
            if output := source.get("taskOutputParameter"):
                outputs = one.spec["components"][output["producerTask"]]["outputDefinitions"]
                assert output["outputParameterKey"] in outputs["parameters"]
            if argument := source.get("componentInputParameter"):
                assert {"defaultValue", "description"} <= set(parameters[argument])
        executor = one.spec["deploymentSpec"]["executors"][f"{name}_executor"]
        assert set(executor) == {"container"}
        assert "lifecycle" not in executor["container"]


def test_artifacts_have_their_types_by_title(one):
    """KFP without ML Metadata hands a whole `instanceSchema` on, which TFX cannot import."""
    titles = set()
    for name, component in one.spec["components"].items():
        sides = [component.get(side, {}) for side in ("inputDefinitions", "outputDefinitions")]
        arguments = one.spec["deploymentSpec"]["executors"][f"{name}_executor"]["container"]["args"]
        if "--json_serialized_inputs_spec_args" in arguments:
            handed = arguments[arguments.index("--json_serialized_inputs_spec_args") + 1]
            assert json.loads(handed) == sides[0]
        for side in sides:
            for artifact in side.get("artifacts", {}).values():
                assert "instanceSchema" not in artifact["artifactType"]
                titles.add(artifact["artifactType"]["schemaTitle"])
    assert {"tfx.Examples", "tfx.Model", "tfx.PushedModel", "tfx.String"} < titles


def test_the_evaluation_is_shown_in_kfps_interface(compiled):
    one = compiled["demo"]
    outputs = one.spec["components"]["Results"]["outputDefinitions"]["artifacts"]
    titles = {name: each["artifactType"]["schemaTitle"] for name, each in outputs.items()}
    assert titles == {
        "metrics": "system.Metrics",
        "page": "system.HTML",
        "curves_likes_outdoor": "system.ClassificationMetrics",
        "curves_likes_cooking": "system.ClassificationMetrics",
        "curves_parent": "system.ClassificationMetrics",
        "curves_age_range": "system.ClassificationMetrics",
    }
    inputs = one.spec["root"]["dag"]["tasks"]["Results"]["inputs"]["artifacts"]
    producers = {name: each["taskOutputArtifact"]["producerTask"] for name, each in inputs.items()}
    assert producers == {"evaluation": "Evaluator", "blessing": "Evaluator", "audit": "Auditor"}


def test_caching(one):
    tasks = one.spec["root"]["dag"]["tasks"]
    uncached = {name for name, task in tasks.items() if not task["cachingOptions"]}
    assert uncached == {"DataFingerprint", "BaselineFinder", "Pusher"}
    for name in ("UnlabelledExampleGen", "LabelledExampleGen"):
        source = tasks[name]["inputs"]["parameters"]["fingerprint"]["taskOutputParameter"]
        assert source["producerTask"] == "DataFingerprint"


def test_the_trainers_are_on_gpu_nodes(compiled):
    industrial = compiled["industrial"]
    executors = industrial.spec["deploymentSpec"]["executors"]
    kubernetes = industrial.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    for label, executor in executors.items():
        container = executor["container"]
        is_trainer = label.removesuffix("_executor") in _TRAINERS
        assert container["image"] == (f"{_IMAGE}-gpu" if is_trainer else _IMAGE)
        assert ("accelerator" in container["resources"]) == is_trainer
        assert ("tolerations" in kubernetes[label]) == is_trainer
        assert container["resources"]["cpuLimit"] > 0
        assert container["resources"]["memoryLimit"] > 0
        assert kubernetes[label]["secretAsEnv"][0]["keyToEnv"][0] == {
            "secretKey": "access_key",
            "envVar": "AWS_ACCESS_KEY_ID",
        }
    trainer = executors["EncoderTrainer_executor"]["container"]["resources"]
    assert trainer["accelerator"] == {"type": "nvidia.com/gpu", "count": "1"}
    assert trainer["memoryLimit"] == 64
    assert kubernetes["EncoderTrainer_executor"]["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]


def _config(tmp_path, name="shop", data=None, text=None, audit=None, serving=None, **kubeflow):
    for file in ("events.jsonl", "labels.csv"):
        (tmp_path / file).touch()
    data = data or {"events": "/data/e.jsonl", "labels": "/data/l.csv"}
    kubeflow = {
        "image": _IMAGE,
        "pipeline_root": "s3://b/r",
        "volumes": [{"claim": "logs", "mount_path": "/data"}],
        **kubeflow,
    }
    content = {"name": name, "data": data, "tasks": {"docs": {}}, "kubeflow": kubeflow}
    more = {"text": text or {}, "audit": audit or {}, "serving": serving or {}}
    return PipelineConfig.model_validate({**content, **more})


def test_both_trainers_are_told_of_the_model_to_be_compatible_with(tmp_path):
    serving = {"compatible_with": "previous"}
    config = _config(tmp_path, serving=serving, serving_dir="/data/models")
    tasks = _compile(config).spec["root"]["dag"]["tasks"]
    parameters = tasks["PreviousFinder"]["inputs"]["parameters"]
    # What has the encoder trained anew has it look anew, and KFP may keep what it found.
    assert parameters["serving_dir"] == {"componentInputParameter": "serving_dir"}
    assert parameters["max_epochs"] == {"componentInputParameter": "encoder_max_epochs"}
    assert tasks["PreviousFinder"]["cachingOptions"] == {"enableCache": True}
    for trainer in _TRAINERS:
        assert tasks[trainer]["inputs"]["parameters"]["previous"] == {
            "taskOutputParameter": {
                "producerTask": "PreviousFinder",
                "outputParameterKey": "previous",
            }
        }
        assert "PreviousFinder" in tasks[trainer]["dependentTasks"]
    without = _compile(_config(tmp_path, serving_dir="/data/models")).spec
    assert "PreviousFinder" not in without["root"]["dag"]["tasks"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": None}, "kubeflow.image: is required; or give --image"),
        ({"pipeline_root": None}, "kubeflow.pipeline_root: is required"),
        ({"pipeline_root": "/tmp/x"}, "/tmp/x must begin with s3:// or gs:// or minio://"),
        ({"name": "my_shop"}, "Kubeflow allows no underscores"),
        ({"volumes": []}, "kubeflow.serving_dir: is required"),
        ({"serving_dir": "s3://b/models"}, "TensorFlow has no file system for it"),
        ({"serving_dir": "/models"}, r"/models is in no volume \(mounted: /data\)"),
        ({"events": "/elsewhere/e.jsonl"}, "kubeflow.events: /elsewhere/e.jsonl is in no volume"),
        ({"labels": "minio://b/l.csv"}, "Beam does not know minio://"),
        ({"audit": {"signing_key": "/k.pem"}}, "/k.pem is in none of kubeflow.secret_volumes"),
    ],
)
def test_what_no_container_could_open_is_refused(tmp_path, change, message):
    with pytest.raises(UsageError, match=message):
        _compile(_config(tmp_path, **change))


def test_paths(tmp_path):
    compiled = _compile(
        _config(
            tmp_path,
            data={"events": "e", "labels": "l"},
            events="s3://logs/2026/*.jsonl.gz",
            labels="s3://logs/labels.csv",
            text={"stop_words": str(_ROOT / "requirements.txt")},
        )
    )
    parameters = compiled.spec["root"]["inputDefinitions"]["parameters"]
    assert parameters["data"]["defaultValue"] == "s3://logs"
    assert parameters["serving_dir"]["defaultValue"] == "/data/serving/shop"
    transform = compiled.spec["root"]["dag"]["tasks"]["Transform"]["inputs"]["parameters"]
    text = json.loads(transform["custom_config"]["runtimeValue"]["constant"])["text"]
    assert text["stop_words"] == "/app/requirements.txt"
    (tmp_path / "stop.txt").write_text("the")
    with pytest.raises(UsageError, match="outside of the project, so the image lacks it"):
        _compile(_config(tmp_path, text={"stop_words": str(tmp_path / "stop.txt")}))


def test_keys_of_the_audit(tmp_path):
    compiled = _compile(
        _config(
            tmp_path,
            audit={
                "signing_key": "/secrets/team.pem",
                "public_keys": [str(_ROOT / "configs" / "old.pub.pem")],
            },
            secret_volumes=[{"secret": "audit", "mount_path": "/secrets"}],
        )
    )
    tasks = compiled.spec["root"]["dag"]["tasks"]
    expected = {"signing_key": "/secrets/team.pem", "public_keys": ["/app/configs/old.pub.pem"]}

    def constant(step, parameter):
        value = tasks[step]["inputs"]["parameters"][parameter]["runtimeValue"]["constant"]
        return json.loads(value)

    assert constant("BaselineFinder", "config") == expected
    assert constant("Pusher", "custom_config")["audit"] == expected
    assert constant("Auditor", "config").items() >= expected.items()


def _for_vertex(tmp_path):
    return _config(
        tmp_path,
        events="gs://b/e.jsonl",
        labels="gs://b/l.csv",
        serving_dir="gs://b/models",
        pipeline_root="gs://b/root",
        volumes=[],
        steps={"EncoderTrainer": {"gpus": 1, "gpu_type": "NVIDIA_L4", "scratch": {"size": 9}}},
    )


def test_vertex(tmp_path):
    compiled = _compile(_for_vertex(tmp_path), "vertex")
    job = json_format.ParseDict(compiled.job, pipeline_spec_pb2.PipelineJob())
    assert job.runtime_config.gcs_output_directory == "gs://b/root"
    assert compiled.platform == {}
    container = compiled.spec["deploymentSpec"]["executors"]["EncoderTrainer_executor"]["container"]
    assert container["resources"]["accelerator"] == {"type": "NVIDIA_L4", "count": "1"}
    assert "env" not in container
    assert "Results" not in compiled.spec["components"]
    # Vertex AI copies nothing; TFX opens gs:// itself.
    assert container["command"][-1].startswith("tfx.orchestration.kubeflow.v2.container")
    with pytest.raises(UsageError, match="must begin with gs://"):
        _compile(_config(tmp_path), "vertex")
    volume = {"events": "/data/e.jsonl", "labels": "/data/l.csv", "serving_dir": "gs://b/m"}
    with pytest.raises(UsageError, match="is no path on Vertex AI"):
        _compile(_config(tmp_path, pipeline_root="gs://b/r", **volume), "vertex")


def test_vertexs_own_client_takes_it(tmp_path):
    """All that it does before it talks to Google."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import aiplatform

    path = tmp_path / "job.json"
    path.write_text(json.dumps(_compile(_for_vertex(tmp_path), "vertex").job))
    job = aiplatform.PipelineJob(
        display_name="shop",
        template_path=str(path),
        parameter_values={"encoder_max_epochs": 3},
        project="project",
        location="europe-west4",
        credentials=AnonymousCredentials(),
    )
    runtime = job.to_dict()["runtimeConfig"]
    assert runtime["gcsOutputDirectory"] == "gs://b/root"
    assert runtime["parameterValues"]["encoder_max_epochs"] == 3
    with pytest.raises(ValueError, match="encoder_epochs is not found in the pipeline job"):
        aiplatform.PipelineJob(
            display_name="shop",
            template_path=str(path),
            parameter_values={"encoder_epochs": 3},
            project="project",
            location="europe-west4",
            credentials=AnonymousCredentials(),
        )


def test_nothing_asked_of_kubernetes_is_no_document(tmp_path):
    compiled = _compile(
        _config(
            tmp_path,
            events="gs://b/e.jsonl",
            labels="gs://b/l.csv",
            serving_dir="gs://b/models",
            volumes=[],
        )
    )
    assert compiled.platform == {}
    assert len(list(yaml.safe_load_all(compiled.to_yaml()))) == 1


def test_what_init_writes_for_a_cluster_compiles(tmp_path):
    (tmp_path / "logs").mkdir()
    events = tmp_path / "logs" / "events.jsonl"
    events.write_text('{"user_id": "u0", "timestamp": 1, "text": "boots"}\n')
    labels = tmp_path / "labels.csv"
    labels.write_text("user_id,likes outdoor\nu0,0\nu1,1\n")
    path = tmp_path / "my.yaml"
    path.write_text(init("shop", str(tmp_path / "logs"), str(labels), Names(), kubeflow=True))
    config = load(str(path), image=_IMAGE, pipeline_root="s3://artifacts/users")
    parameters = _compile(config).spec["root"]["inputDefinitions"]["parameters"]
    assert parameters["data"]["defaultValue"] == "/data"
    assert parameters["serving_dir"]["defaultValue"] == "/models/shop"


def test_without_its_section_the_remedy_is_named(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("name: shop\ndata: {events: e.jsonl, labels: l.csv}\ntasks: {t: }\n")
    config = load(str(path), image=_IMAGE, pipeline_root="s3://artifacts/users")
    with pytest.raises(UsageError, match="`python -m pipeline init --kubeflow` writes a section"):
        _compile(config)
