"""The step that tells a webhook how a run ended, as a part of the compiled pipeline.

KFP runs it after a graph within the graph has ended, well or not: the whole pipeline becomes that
graph, and the step stands beside it.
"""

from __future__ import annotations

from typing import Any

from contract.environment import WEBHOOK_URL
from kubeflow.platform import secret_as_env
from pipeline.kubeflow_pods import Notification
from pipeline.steps import NOTIFIER

_PIPELINE = "Pipeline"
"""Name of the inner graph."""

_STATUS, _NAME, _RUN = "status", "pipeline", "run"


def add_exit_handler(spec: dict[str, Any], image: str | None) -> None:
    """Puts the pipeline into a graph of its own, and the step beside it, in place.

    Args:
        spec: KFP's PipelineSpec as JSON.
        image: Of the step's container.
    """
    root = spec["root"]
    parameters = root.get("inputDefinitions", {}).get("parameters", {})
    spec["components"][_PIPELINE] = {
        "dag": root["dag"],
        "inputDefinitions": {
            "parameters": {
                name: {"parameterType": parameter["parameterType"]}
                for name, parameter in parameters.items()
            }
        },
    }
    spec["components"][NOTIFIER] = {
        "executorLabel": f"{NOTIFIER}_executor",
        "inputDefinitions": {
            "parameters": {
                _NAME: {"parameterType": "STRING"},
                _RUN: {"parameterType": "STRING"},
                _STATUS: {"parameterType": "TASK_FINAL_STATUS", "isOptional": True},
            }
        },
    }
    root["dag"] = {
        "tasks": {
            _PIPELINE: {
                "componentRef": {"name": _PIPELINE},
                "inputs": {
                    "parameters": {name: {"componentInputParameter": name} for name in parameters}
                },
                "taskInfo": {"name": _PIPELINE},
            },
            NOTIFIER: {
                "cachingOptions": {},
                "componentRef": {"name": NOTIFIER},
                "dependentTasks": [_PIPELINE],
                "inputs": {
                    "parameters": {
                        _NAME: _constant(spec["pipelineInfo"]["name"]),
                        _RUN: _constant("{{$.pipeline_job_name}}"),
                        _STATUS: {"taskFinalStatus": {"producerTask": _PIPELINE}},
                    }
                },
                "taskInfo": {"name": NOTIFIER},
                "triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"},
            },
        }
    }
    spec["deploymentSpec"]["executors"][f"{NOTIFIER}_executor"] = {
        "container": {
            "image": image,
            "command": ["python", "-m", "kubeflow.notify"],
            "args": ["{{$}}"],
        }
    }


def add_webhook(platform: dict[str, Any], notification: Notification) -> None:
    """Gives the step the webhook's URL, in place.

    Args:
        platform: KFP's PlatformSpec as JSON; the step stands in it.
        notification: Where the URL is.
    """
    kubernetes = platform.setdefault("platforms", {}).setdefault("kubernetes", {})
    executors = kubernetes.setdefault("deploymentSpec", {}).setdefault("executors", {})
    executor = executors.setdefault(f"{NOTIFIER}_executor", {})
    secret = secret_as_env(notification.secret, {notification.key: WEBHOOK_URL})
    executor["secretAsEnv"] = [*executor.get("secretAsEnv", []), secret]


def _constant(value: str) -> dict[str, Any]:
    return {"runtimeValue": {"constant": value}}
