"""A step's program that shows the evaluation in the interface of Kubeflow Pipelines.

Of TFX's types KFP's interface shows nothing. This step reads what Evaluator and Auditor wrote and
gives `system.Metrics` (compared between runs), one `system.ClassificationMetrics` a task (ROC curve
and confusion matrix) and `system.HTML` (the audit's page, for the tab "Visualizations"). KFP's
launcher copies its inputs and outputs; its only argument is what the launcher hands over.

    python -m kubeflow.results '{"inputs": ..., "outputs": ...}'
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from audit.page.page import PAGE_FILE
from audit.predictions import PREDICTIONS_FILE, read_predictions
from kubeflow.container_entrypoint import LAUNCHER_ROOT, local_path
from kubeflow.curves import curves
from kubeflow.result_names import AUDIT, BLESSING, CURVES, EVALUATION, METRICS, PAGE, TASKS
from serving.releases.evaluation_metrics import overall_metrics


def main(arguments: Sequence[str]) -> None:
    """Writes every output of the step.

    Args:
        arguments: KFP's `ExecutorInput` as JSON. Inputs: `evaluation`, `blessing`, `audit` and the
            parameter `tasks`, a JSON object of the tasks' classes.
    """
    executor_input = json.loads(arguments[0])
    root = os.environ.get(LAUNCHER_ROOT, "/")
    inputs = executor_input["inputs"]
    tasks = json.loads(inputs["parameterValues"][TASKS])

    def folder(name: str) -> str:
        uri = inputs["artifacts"][name]["artifacts"][0]["uri"]
        return local_path(uri, root) or uri

    blessing = inputs["artifacts"][BLESSING]["artifacts"][0].get("metadata", {})
    metrics = {
        "blessed": float(bool(blessing.get("blessed"))),
        **_scalars(folder(EVALUATION), tasks),
    }
    predictions = read_predictions(os.path.join(folder(AUDIT), PREDICTIONS_FILE))
    page = pathlib.Path(folder(AUDIT), PAGE_FILE).read_text(encoding="utf-8")
    contents: dict[str, tuple[str, Mapping[str, Any]]] = {
        METRICS: _with_text(metrics),
        PAGE: (page, {}),
        **{
            CURVES + task: _with_text(curves(predictions, task, classes))
            for task, classes in tasks.items()
        },
    }
    written = {}
    for name, artifacts in executor_input["outputs"]["artifacts"].items():
        artifact = artifacts["artifacts"][0]
        text, metadata = contents[name]
        target = local_path(artifact["uri"], root) or artifact["uri"]
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)
        written[name] = {"artifacts": [{**artifact, "metadata": metadata}]}
    with open(executor_input["outputs"]["outputFile"], "w", encoding="utf-8") as file:
        json.dump({"artifacts": written}, file)


def _with_text(metadata: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """What KFP shows, and the same as the artifact's file."""
    return json.dumps(metadata, indent=2) + "\n", metadata


def _scalars(evaluation: str, tasks: Mapping[str, Sequence[str]]) -> dict[str, float]:
    return {
        f"{task}_{name}": value
        for task, found in overall_metrics(evaluation, tasks).items()
        for name, value in sorted(found.items())
    }


if __name__ == "__main__":
    main(sys.argv[1:])
