"""The encoder's training handed to Kubeflow Trainer, against a server that speaks Kubernetes."""

import http.server
import json
import logging
import os
import threading

import pytest
import tensorflow as tf
from kubernetes import client
from tfx.components.trainer.fn_args_utils import FnArgs

from contract.environment import TRAIN_JOB, TRAINING_BACKUPS
from contract.errors import UsageError
from kubeflow import train_job_node
from kubeflow.compile_command import load
from kubeflow.train_job import train
from kubeflow.train_job_client import TrainJobClient, TrainJobError
from kubeflow.train_job_manifest import train_job_manifests

_CONFIG = """\
name: shop
data: {events: /data/events.jsonl, labels: /data/labels.csv}
tasks: {likes: }
kubeflow:
  image: r/i:1
  pipeline_root: s3://b/r
  volumes: [{claim: models, mount_path: /models}, {claim: logs, mount_path: /data}]
  node_selector: {pool: batch}
  secret_variables: [{secret: s3, variables: {key: AWS_KEY}}]
  train_job: {nodes: 2}
  steps:
    EncoderTrainer:
      gpus: 4
      shared_memory: 8
      scratch: {size: 100}
      node_selector: {gpu: h100}
      node_affinity: [{key: zone, values: [a]}, {key: rack, values: [b], weight: 5}]
"""
_BASE = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/ns/"


class FakeKubernetes:
    """The custom objects of a namespace, and what Trainer does of them.

    Attributes:
        objects: (plural, name) -> object.
        conditions: Of a TrainJob, one look after the other; the last stays.
        troubles: Statuses of the next answers.
        requests: (method, path) of all.
        on_job: Is called with a TrainJob that was created.
        api, jobs: Kubernetes' client, and one of TrainJobs that looks often.
    """

    def __init__(self):
        self.objects, self.conditions, self.troubles, self.requests = {}, ["Complete"], [], []
        self.on_job = lambda job: None
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def _answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                path = self.path.partition("?")[0]
                fake.requests.append((self.command, path))
                if fake.troubles:
                    status, answer = fake.troubles.pop(0), {"message": "no luck"}
                else:
                    status, answer = fake.answer(self.command, path, body)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self):
                self._answer()

            def do_POST(self):
                self._answer()

            def do_DELETE(self):
                self._answer()

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{self._server.server_port}"
        self.api = client.ApiClient(client.Configuration(host=url))
        self.jobs = TrainJobClient(self.api, "ns", poll_seconds=0.01, outage_seconds=0.5)

    def close(self):
        """Goes away, for good."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method, path, body):
        plural, _, name = path.removeprefix(_BASE).partition("/")
        if method == "POST":
            self.objects[plural, body["metadata"]["name"]] = body
            if plural == "trainjobs":
                self.on_job(body)
            return 201, body
        if (plural, name) not in self.objects:
            return 404, {"message": "not found"}
        if method == "DELETE":
            return 200, self.objects.pop((plural, name))
        said = self.conditions.pop(0) if len(self.conditions) > 1 else self.conditions[0]
        conditions = [{"type": said, "status": "True", "reason": "R", "message": "OOM"}]
        status = {
            "conditions": conditions if said else [],
            "jobsStatus": [{"name": "node", "active": 1, "ready": 0, "succeeded": 0, "failed": 0}],
        }
        return 200, {**self.objects[plural, name], "status": status}


@pytest.fixture
def cluster():
    fake = FakeKubernetes()
    yield fake
    fake.close()


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(_CONFIG)
    return load(str(path))


def _manifests(config, target, checkpoints):
    return train_job_manifests(config.kubeflow, config.kubeflow.train_job, target, checkpoints)


@pytest.fixture
def manifests(config):
    return _manifests(config, "kfp", "/models/checkpoints/shop")


def test_what_a_node_gets(manifests):
    trainer = manifests["job"]["spec"]["trainer"]
    assert (trainer["image"], trainer["numNodes"]) == ("r/i:1", 2)
    assert trainer["resourcesPerNode"] == {
        "requests": {"cpu": "4", "memory": "8G"},
        "limits": {"cpu": "8", "memory": "16G", "nvidia.com/gpu": "4"},
    }
    spec = manifests["runtime"]["spec"]
    assert spec["mlPolicy"] == {"numNodes": 2}
    assert spec["template"]["spec"]["failurePolicy"] == {"maxRestarts": 3}
    (job,) = spec["template"]["spec"]["replicatedJobs"]
    # By which Trainer finds what the TrainJob's `trainer` is merged into.
    assert (job["name"], job["template"]["metadata"]["labels"]) == (
        "node",
        {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"},
    )
    assert job["template"]["spec"]["backoffLimit"] == 0
    pod = job["template"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"pool": "batch", "gpu": "h100"}
    assert pod["affinity"]["nodeAffinity"] == {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
            ]
        },
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {
                "weight": 5,
                "preference": {
                    "matchExpressions": [{"key": "rack", "operator": "In", "values": ["b"]}]
                },
            }
        ],
    }
    (container,) = pod["containers"]
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert mounts == ["/models", "/data", "/dev/shm", "/scratch"]
    assert [volume["name"] for volume in pod["volumes"]] == [
        mount["name"] for mount in container["volumeMounts"]
    ]
    assert {variable["name"] for variable in container["env"]} == {"AWS_KEY", "TMPDIR"}


@pytest.mark.slow
@pytest.mark.one_stack
def test_the_compiled_step_waits(config, manifests):
    from kubeflow.compiler import compile_pipeline

    compiled = compile_pipeline(config, "kfp")
    container = compiled.spec["deploymentSpec"]["executors"]["EncoderTrainer_executor"]["container"]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    assert variables[TRAINING_BACKUPS] == "/models/checkpoints/shop"
    assert json.loads(variables[TRAIN_JOB]) == manifests
    assert "accelerator" not in container["resources"]
    assert container["resources"]["memoryLimit"] == 3
    parameters = compiled.spec["root"]["dag"]["tasks"]["EncoderTrainer"]["inputs"]["parameters"]
    assert parameters["run_fn"]["runtimeValue"]["constant"] == "kubeflow.train_job.run_fn"
    executors = compiled.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors["EncoderTrainer_executor"]["nodeSelector"]["labels"] == {"pool": "batch"}


def test_without_a_shared_volume_or_kubernetes(config):
    with pytest.raises(UsageError, match=r"kubeflow.train_job: .*kubeflow.checkpoints"):
        _manifests(config, "kfp", None)
    with pytest.raises(UsageError, match="Vertex AI"):
        _manifests(config, "vertex", None)


def test_where_the_workers_are():
    environment = {"TRAIN_JOB_NAME": "j", "TRAIN_JOB_NODES": "2", "JOB_COMPLETION_INDEX": "1"}
    assert train_job_node.cluster(environment) == {
        "cluster": {"worker": ["j-node-0-0.j:2222", "j-node-0-1.j:2222"]},
        "task": {"type": "worker", "index": 1},
    }
    assert train_job_node.cluster({**environment, "TRAIN_JOB_NODES": "1"}) is None


@pytest.fixture
def fn_args(tmp_path, manifests, monkeypatch):
    """What a step trains on, and where; nothing that could be trained on."""
    for name in ("graph", "train", "eval"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a-00000").write_text(name)
    monkeypatch.setenv(TRAIN_JOB, json.dumps(manifests))
    monkeypatch.setenv(TRAINING_BACKUPS, str(tmp_path / "volume"))
    return FnArgs(
        train_files=[str(tmp_path / "train" / "*")],
        eval_files=[str(tmp_path / "eval" / "*")],
        transform_output=str(tmp_path / "graph"),
        serving_model_dir=str(tmp_path / "model"),
        model_run_dir=str(tmp_path / "logs"),
        custom_config={"encoder": {"dimension": 8}},
    )


def _trains(job):
    """What the first node leaves."""
    (folder,) = job["spec"]["trainer"]["args"]
    with open(os.path.join(folder, "train", "0-a-00000")) as file:
        assert file.read() == "train"
    for name in ("model", "logs"):
        os.makedirs(os.path.join(folder, name))
    with open(os.path.join(folder, "model", "saved_model.pb"), "w") as file:
        file.write("trained")
    with open(os.path.join(folder, "progress.log"), "w") as file:
        file.write("epoch 1/1 loss 2.0\n")


def test_the_job_is_created_waited_for_and_removed(cluster, fn_args, tmp_path, capsys, caplog):
    caplog.set_level(logging.INFO, "progress")
    created = []
    cluster.on_job = lambda job: (created.append(job), _trains(job))
    cluster.conditions = ["", "", "Complete"]
    train(fn_args, cluster.jobs)
    (job,) = created
    name = job["metadata"]["name"]
    assert job["spec"]["runtimeRef"] == {
        "apiGroup": "trainer.kubeflow.org",
        "kind": "TrainingRuntime",
        "name": name,
    }
    variables = {each["name"]: each["value"] for each in job["spec"]["trainer"]["env"]}
    assert (variables["TRAIN_JOB_NAME"], variables["TRAIN_JOB_NODES"]) == (name, "2")
    posts = [path for method, path in cluster.requests if method == "POST"]
    assert posts == [f"{_BASE}trainingruntimes", f"{_BASE}trainjobs"]
    assert (tmp_path / "model" / "saved_model.pb").read_text() == "trained"
    assert cluster.objects == {}
    assert not list((tmp_path / "volume").iterdir())
    assert capsys.readouterr().out == "epoch 1/1 loss 2.0\n"
    assert caplog.messages == [
        f"TrainJob {name}: node: 1 active, 0 ready, 0 succeeded, 0 failed",
        f"TrainJob {name}: Complete; node: 1 active, 0 ready, 0 succeeded, 0 failed",
    ]


def test_a_failed_job_is_said_and_made_anew_by_the_next_attempt(cluster, fn_args, tmp_path):
    cluster.conditions = ["", "Failed"]
    with pytest.raises(TrainJobError, match=r"failed: R: OOM\n.*kubectl logs -n ns"):
        train(fn_args, cluster.jobs)
    cluster.on_job = lambda job: (cluster.conditions.__setitem__(0, "Complete"), _trains(job))
    train(fn_args, cluster.jobs)
    assert (tmp_path / "model" / "saved_model.pb").exists()


def test_the_job_of_a_step_that_was_killed_is_waited_for(cluster, fn_args, tmp_path):
    class KilledError(Exception):
        pass

    def kill(*_):
        raise KilledError

    jobs = []
    cluster.on_job = lambda job: (jobs.append(job), _trains(job))
    cluster.conditions = ["", "Complete"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster.jobs, "wait", kill)
        with pytest.raises(KilledError):
            train(fn_args, cluster.jobs)
    train(fn_args, cluster.jobs)
    assert len(jobs) == 1
    assert (tmp_path / "model" / "saved_model.pb").exists()


def test_an_outage_of_the_api_is_waited_through(cluster, fn_args, tmp_path):
    def goes_away(job):
        _trains(job)
        cluster.troubles = [503, 500, 429]

    cluster.on_job = goes_away
    train(fn_args, cluster.jobs)
    assert (tmp_path / "model" / "saved_model.pb").exists()
    cluster.on_job = lambda job: cluster.troubles.extend([503] * 10_000)
    with pytest.raises(TrainJobError, match="has troubles: 503"):
        train(fn_args, cluster.jobs)
    cluster.close()
    with pytest.raises(TrainJobError, match="does not answer"):
        train(fn_args, cluster.jobs)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, "may not use trainjobs of trainer.kubeflow.org in ns. Give it get, create"),
        (422, "The cluster refuses the TrainJob: 422"),
    ],
)
def test_what_the_cluster_refuses(cluster, fn_args, status, said):
    cluster.troubles = [status]
    with pytest.raises(TrainJobError, match=said):
        train(fn_args, cluster.jobs)


def test_a_cluster_without_trainer(cluster, fn_args, monkeypatch):
    monkeypatch.setattr(cluster, "answer", lambda *_: (404, {"message": "page not found"}))
    with pytest.raises(TrainJobError, match="Install Kubeflow Trainer 2, or leave"):
        train(fn_args, cluster.jobs)


@pytest.mark.slow
@pytest.mark.one_stack
def test_a_node_trains_what_the_step_staged(cluster, fn_args, tmp_path, monkeypatch, run_transform):
    """A job of one node, which runs in this process."""
    users = [
        {"history": [b"abc", b"bd"], "target": [b"a"]},
        {"history": [b"ad"], "target": [b"bc"]},
    ]
    import tensorflow_transform as tft

    rows, output = run_transform(
        tmp_path / "transform", users, vocabulary_size=5, language="characters"
    )
    coder = tft.coders.ExampleProtoCoder(output.transformed_metadata.schema)
    for split in ("train", "eval"):
        path = str(tmp_path / split / "a-00000")
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for row in rows:
                writer.write(coder.encode(row))
    fn_args.transform_output = str(tmp_path / "transform" / "graph")
    fn_args.custom_config["encoder"] |= {"max_epochs": 1, "hops": 1}

    def node(job):
        train_job_node.main(job["spec"]["trainer"]["args"])
        cluster.conditions = ["Complete"]

    def start(job):
        trainer = job["spec"]["trainer"]
        assert trainer["command"] == ["python", "-m", "kubeflow.train_job_node"]
        for variable in trainer["env"]:
            if variable["name"] != TRAINING_BACKUPS:
                monkeypatch.setenv(variable["name"], variable["value"])
        monkeypatch.setenv("TRAIN_JOB_NODES", "1")
        threading.Thread(target=node, args=(job,), daemon=True).start()

    cluster.conditions = [""]
    cluster.on_job = start
    train(fn_args, TrainJobClient(cluster.api, "ns", poll_seconds=0.5))
    model = tf.saved_model.load(str(tmp_path / "model"))
    assert model.signatures["encode"](behaviors=tf.constant([["abd"]]))["user_vector"].shape == (
        1,
        8,
    )
    assert list((tmp_path / "logs").glob("train/events*"))
    assert not list((tmp_path / "volume").iterdir())
