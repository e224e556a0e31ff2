"""`submit` and `schedule` through the real kfp.Client, against a server that speaks KFP's REST."""

import http.server
import json
import socket
import threading
import time

import pytest
import yaml
from kfp import compiler, dsl

from kubeflow import cluster_commands
from kubeflow.__main__ import main
from kubeflow.cluster_commands import Cluster, ClusterError, submit

_API = "/apis/v2beta1"
_TOKEN = "right"


class FakeKubeflow:
    """The part of Kubeflow Pipelines' API that the commands use.

    Attributes:
        url: Of the server.
        requests: (method, path, body) of all requests.
        states: Of the run, one a look at it; the last stays.
        token: That is asked for; None: no authentication.
        troubles: Of the next looks at the run, one each: a status, `dropped`, `silent`,
            `HTML` or None.
    """

    def __init__(self):
        self.requests = []
        self.states = ["PENDING", "RUNNING", "SUCCEEDED"]
        self.token = None
        self.experiments = []
        self.troubles = []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self._answer("GET")

            def do_POST(self):
                self._answer("POST")

            def log_message(self, *_):
                pass

            def _answer(self, method):
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                path = self.path.partition("?")[0]
                fake.requests.append((method, self.path, body))
                status, answer = 404, {"message": "not found"}
                looks = method == "GET" and path.endswith("/runs/r1")
                trouble = fake.troubles.pop(0) if looks and fake.troubles else None
                if trouble == "silent":
                    time.sleep(0.2)
                    return
                if trouble == "dropped":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if fake.token and self.headers.get("Authorization") != f"Bearer {fake.token}":
                    status, answer = 401, {"message": "who are you?"}
                elif isinstance(trouble, int):
                    status, answer = trouble, {"message": "no luck"}
                elif path.startswith("/pipeline" + _API) and not trouble:
                    status, answer = fake.answer(
                        method, path.removeprefix("/pipeline" + _API), body
                    )
                content = json.dumps(answer).encode()
                if trouble == "HTML":
                    status = 200
                    content = b"<html>Back in a moment.</html>"
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/pipeline"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method, path, body):
        """The status and the body of an answer."""
        if (method, path) == ("GET", "/healthz"):
            return 200, {"multi_user": False}
        if (method, path) == ("GET", "/experiments"):
            return 200, {"experiments": self.experiments}
        if (method, path) == ("POST", "/experiments"):
            return 200, {**body, "experiment_id": "e1"}
        if (method, path) == ("POST", "/runs"):
            if "components" not in json.dumps(body["pipeline_spec"]):
                return 400, {"message": "no pipeline"}
            return 200, {**body, "run_id": "r1"}
        if (method, path) == ("GET", "/runs/r1"):
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            error = {"message": "Transform: OOMKilled"} if state == "FAILED" else None
            return 200, {"run_id": "r1", "state": state, "error": error}
        if (method, path) == ("POST", "/recurringruns"):
            return 200, {**body, "recurring_run_id": "rr1"}
        return 404, {"message": f"{method} {path}"}

    def body(self, path):
        """The body of the one request to create something."""
        (body,) = (b for m, p, b in self.requests if m == "POST" and p.endswith(path))
        return body


@pytest.fixture
def server(monkeypatch):
    for name in ("KF_PIPELINES_TOKEN", "KF_PIPELINES_ENDPOINT", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    fake = FakeKubeflow()
    yield fake
    fake.close()


@pytest.fixture
def pipeline(tmp_path):
    @dsl.container_component
    def hello(number: int):
        return dsl.ContainerSpec("busybox", ["echo"], [number])

    @dsl.pipeline(name="greetings")
    def greetings(number: int = 3, share: float = 0.5):
        hello(number=number)

    path = tmp_path / "pipeline.yaml"
    compiler.Compiler().compile(greetings, str(path))
    spec = path.read_text()
    platform = {
        "platforms": {
            "kubernetes": {
                "deploymentSpec": {
                    "executors": {"exec-hello": {"nodeSelector": {"labels": {"disk": "fast"}}}}
                }
            }
        }
    }
    path.write_text(f"{spec}---\n{yaml.safe_dump(platform)}")
    return str(path)


def _submit(server, pipeline, *more):
    return main(["submit", pipeline, "--host", server.url, *more])


def test_submit(server, pipeline, capsys):
    more = ["--namespace", "team", "--experiment", "shop", "--name", "first", "--set", "number=4"]
    assert _submit(server, pipeline, *more, "--service-account", "trainer") == 0
    output = capsys.readouterr().out
    assert output == f"run      {server.url}/#/runs/details/r1\n"
    experiment = server.body("/experiments")
    assert (experiment["display_name"], experiment["namespace"]) == ("shop", "team")
    run = server.body("/runs")
    assert run["display_name"] == "first"
    assert run["experiment_id"] == "e1"
    assert run["service_account"] == "trainer"
    assert run["runtime_config"]["parameters"] == {"number": 4, "share": 0.5}
    # Both documents go to the server.
    assert run["pipeline_spec"]["pipeline_spec"]["pipelineInfo"] == {"name": "greetings"}
    executors = run["pipeline_spec"]["platform_spec"]["platforms"]["kubernetes"]
    assert executors["deploymentSpec"]["executors"]["exec-hello"]["nodeSelector"]


def test_an_experiment_that_exists_is_used(server, pipeline):
    server.experiments = [{"experiment_id": "e7", "display_name": "greetings"}]
    assert _submit(server, pipeline) == 0
    assert server.body("/runs")["experiment_id"] == "e7"
    assert server.body("/runs")["display_name"].startswith("greetings 20")


@pytest.mark.parametrize(
    ("end", "code"), [("SUCCEEDED", 0), ("FAILED", 1), ("CANCELED", 1), ("SKIPPED", 0)]
)
def test_wait(server, pipeline, capsys, end, code):
    server.states = ["PENDING", "RUNNING", "RUNNING", end]
    cluster = Cluster(server.url)
    assert submit(cluster, pipeline, given={}, wait=True, poll_seconds=0.01) == code
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1:] == [
        "state    PENDING",
        "state    RUNNING",
        f"state    {end}",
    ]
    assert ("OOMKilled" in printed.err) == (end == "FAILED")


def test_waiting_has_an_end(server, pipeline):
    server.states = ["RUNNING"]
    cluster = Cluster(server.url)
    with pytest.raises(ClusterError, match="has not ended in time; it goes on"):
        submit(cluster, pipeline, given={}, wait=True, timeout=0.05, poll_seconds=0.01)


_DROPPED = ["dropped"] * 4
"""One look at the run: the client's library tries three times more."""


@pytest.mark.parametrize(
    ("troubles", "word"),
    [
        ([503], "503 Service Unavailable"),
        ([500, *_DROPPED, 502], "500 Internal Server Error"),
        ([429], "429 Too Many Requests"),
        (_DROPPED, "cannot be reached"),
        (["HTML", "HTML"], "does not answer as Kubeflow Pipelines does"),
    ],
)
def test_an_outage_while_waiting_is_survived(server, pipeline, capsys, troubles, word):
    server.states = ["RUNNING", "SUCCEEDED"]
    server.troubles = list(troubles)
    assert submit(Cluster(server.url), pipeline, given={}, wait=True, poll_seconds=0.01) == 0
    assert not server.troubles
    _, outage, *states = capsys.readouterr().out.splitlines()
    assert outage.startswith(f"waiting  {server.url}")
    assert word in outage
    assert outage.endswith("The run goes on; asking again.")
    assert states == ["state    RUNNING", "state    SUCCEEDED"]


def test_every_outage_is_told_once(server, pipeline, capsys):
    server.states = ["RUNNING", "RUNNING", "SUCCEEDED"]
    server.troubles = [503, 503, None, 503, 503]
    assert submit(Cluster(server.url), pipeline, given={}, wait=True, poll_seconds=0.01) == 0
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert words == ["run", "waiting", "state", "waiting", "state"]


def test_a_long_outage_is_given_up(server, pipeline):
    server.troubles = [503] * 10_000
    started = time.monotonic()
    expected = r"503 .* It has not answered for 0 minutes. The run itself goes on; look .*/r1$"
    with pytest.raises(ClusterError, match=expected):
        submit(
            Cluster(server.url),
            pipeline,
            given={},
            wait=True,
            poll_seconds=0.01,
            outage_seconds=0.3,
        )
    assert 0.3 < time.monotonic() - started < 10
    assert len(server.troubles) < 9_998


def test_a_server_that_does_not_answer_at_all(server, pipeline, monkeypatch, capsys):
    monkeypatch.setattr(cluster_commands, "_REQUEST_SECONDS", (5, 0.05))
    server.troubles = ["silent"] * 4
    server.states = ["SUCCEEDED"]
    assert submit(Cluster(server.url), pipeline, given={}, wait=True, poll_seconds=0.01) == 0
    assert "Read timed out" in capsys.readouterr().out


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_other_errors_while_waiting_end_it_at_once(server, pipeline, status):
    server.troubles = [status, 503]
    with pytest.raises(ClusterError, match=f"{status}"):
        submit(Cluster(server.url), pipeline, given={}, wait=True, poll_seconds=0.01)
    assert server.troubles == [503]


def test_schedule(server, pipeline, capsys):
    assert main(["schedule", pipeline, "--host", server.url, "--set", "share=0.25"]) == 0
    printed = capsys.readouterr().out
    assert printed == f"schedule {server.url}/#/recurringrun/details/rr1\n"
    recurring = server.body("/recurringruns")
    assert recurring["trigger"] == {"cron_schedule": {"cron": "0 0 3 * * 1"}}
    assert recurring["mode"] == "ENABLE"
    assert recurring["max_concurrency"] in (1, "1")
    assert recurring["no_catchup"] is True
    assert recurring["runtime_config"]["parameters"] == {"number": 3, "share": 0.25}
    assert recurring["pipeline_spec"]["pipeline_spec"]["pipelineInfo"] == {"name": "greetings"}


def test_other_times(server, pipeline, capsys):
    assert main(["schedule", pipeline, "--host", server.url, "--cron", "0 30 4 * * *"]) == 0
    assert server.body("/recurringruns")["trigger"]["cron_schedule"]["cron"] == "0 30 4 * * *"
    assert main(["schedule", pipeline, "--host", server.url, "--cron", "30 4 * * *"]) == 2
    assert "six fields are needed" in capsys.readouterr().err


def test_tokens(server, pipeline, monkeypatch, capsys):
    server.token = _TOKEN
    monkeypatch.setenv("KF_PIPELINES_TOKEN", "wrong")
    assert _submit(server, pipeline, "--namespace", "team") == 1
    error = capsys.readouterr().err
    assert "refuses the token (401" in error
    assert len(error.splitlines()) == 1
    monkeypatch.setenv("KF_PIPELINES_TOKEN", _TOKEN)
    assert _submit(server, pipeline, "--namespace", "team") == 0


def test_a_wrong_path(server, pipeline, capsys):
    host = server.url.removesuffix("/pipeline")
    assert main(["submit", pipeline, "--host", host]) == 1
    assert "has no Kubeflow Pipelines API (404)" in capsys.readouterr().err


def test_nobody_there(server, pipeline, capsys):
    server.close()
    assert _submit(server, pipeline) == 1
    error = capsys.readouterr().err
    assert "cannot be reached" in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "kubeflow.example"], "a URL is needed"),
        (["--host", "http://x", "--set", "number"], "NAME=VALUE is needed"),
        (["--host", "http://x", "--set", "size=4"], "size is no parameter of greetings"),
        (["--host", "http://x", "--set", "number=x"], "number=x: NUMBER_INTEGER is needed"),
    ],
)
def test_bad_input(pipeline, capsys, arguments, message):
    assert main(["submit", pipeline, *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_missing_file(capsys):
    assert main(["submit", "missing.yaml", "--host", "http://x"]) == 2
    assert (
        capsys.readouterr().err
        == "error: missing.yaml: cannot be read: No such file or directory\n"
    )
