"""The end of a run, told to a webhook."""

import json

import pytest
from kfp import dsl

from kubeflow import notify
from tests.kubeflow.webhook import webhook_server

_INPUT = {
    "inputs": {"parameterValues": {"pipeline": "shop", "run": "r7", "status": {"state": "FAILED"}}}
}


@pytest.fixture
def webhook(monkeypatch):
    """What a server was sent."""
    with webhook_server(answer=204) as (url, heard):
        monkeypatch.setenv("WEBHOOK_URL", url)
        yield heard


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
