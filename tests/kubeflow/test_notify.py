"""The end of a run, told to a webhook."""

import http.server
import json
import threading

import pytest
from kfp import dsl

from kubeflow import notify

_INPUT = {
    "inputs": {"parameterValues": {"pipeline": "shop", "run": "r7", "status": {"state": "FAILED"}}}
}


@pytest.fixture
def webhook(monkeypatch):
    """What a server was sent."""
    heard = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("WEBHOOK_URL", f"http://127.0.0.1:{server.server_port}/hook")
        yield heard
        server.shutdown()


def test_the_webhook_hears_how_the_run_ended(webhook, capsys):
    notify.main([json.dumps(_INPUT)])
    (heard,) = webhook
    assert heard == {
        "pipeline": "shop",
        "run": "r7",
        "state": "FAILED",
        "text": "shop: run r7 FAILED",
    }
    assert capsys.readouterr().out == "the webhook answered 204\n"


def test_without_a_webhook_it_says_so(monkeypatch, capsys):
    monkeypatch.delenv("WEBHOOK_URL", raising=False)
    notify.main([json.dumps(_INPUT)])
    assert "no WEBHOOK_URL is set; it would have heard" in capsys.readouterr().out


@pytest.mark.parametrize(("command", "state"), [("exit 1", "FAILED"), ("exit 0", "SUCCEEDED")])
def test_an_exit_handler_runs_here_as_well(shell, command, state):
    """A pipeline in KFP's own language, as its compiler nests it."""

    @dsl.container_component
    def work(command: str):
        return dsl.ContainerSpec("busybox", ["sh", "-c"], [command])

    @dsl.container_component
    def tell(status: dsl.PipelineTaskFinalStatus):
        return dsl.ContainerSpec("busybox", ["sh", "-c", 'echo "$0" > told'], ["{{$}}"])

    def pipeline(command: str):
        with dsl.ExitHandler(tell()):
            work(command=command)

    shell.compile(pipeline)
    outcomes = shell.run(command=command)
    assert outcomes["tell"].state == "ran"
    assert outcomes["work"].state == ("ran" if state == "SUCCEEDED" else "failed")
    told = json.loads((shell.file.parent / "told").read_text())
    assert told["inputs"]["parameterValues"]["status"] == {"state": state}
