"""A step's program that shows the evaluation in the interface of Kubeflow Pipelines.

Of TFX's types KFP's interface shows nothing. This step reads what the Evaluator wrote and gives
`system.Metrics` (compared between runs), one `system.ClassificationMetrics` a task (ROC curve and
confusion matrix) and `system.HTML` (the page of the tab "Visualizations"). KFP's launcher copies
its inputs and outputs; its only argument is what the launcher hands over.

    python -m kubeflow.results '{"inputs": ..., "outputs": ...}'
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from audit.refusal import reasons_against
from kubeflow.container_entrypoint import LAUNCHER_ROOT, local_path
from kubeflow.evaluation_results import TaskResults, read_results
from kubeflow.result_names import BLESSING, CURVES, EVALUATION, METRICS, PAGE, TASKS
from kubeflow.result_page import result_page


def main(arguments: Sequence[str]) -> None:
    """Writes every output of the step.

    Args:
        arguments: KFP's `ExecutorInput` as JSON. Inputs: `evaluation`, `blessing` and the
            parameter `tasks`, a JSON object of the tasks' classes.
    """
    executor_input = json.loads(arguments[0])
    root = os.environ.get(LAUNCHER_ROOT, "/")
    inputs = executor_input["inputs"]
    evaluation, blessing = (inputs["artifacts"][n]["artifacts"][0] for n in (EVALUATION, BLESSING))
    tasks = json.loads(inputs["parameterValues"][TASKS])
    path = local_path(evaluation["uri"], root) or evaluation["uri"]
    results = read_results(path, tasks)
    reasons = [reason.sentence for reason in reasons_against(path)]
    blessed = bool(blessing.get("metadata", {}).get("blessed"))
    contents: dict[str, tuple[str, Mapping[str, Any]]] = {
        METRICS: _with_text({"blessed": float(blessed), **_scalars(results)}),
        PAGE: (result_page(blessed, reasons, results), {}),
        **{CURVES + task: _with_text(_curves(found)) for task, found in results.items()},
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


def _scalars(results: Mapping[str, TaskResults]) -> dict[str, float]:
    return {
        f"{task}_{name}": value
        for task, found in results.items()
        for name, value in sorted(found.metrics.items())
    }


def _curves(found: TaskResults) -> dict[str, Any]:
    """The metadata of KFP's `ClassificationMetrics`, as its SDK writes it."""
    from kfp.dsl import ClassificationMetrics

    curves = ClassificationMetrics()
    if found.roc:
        thresholds, false_positive, true_positive = zip(*found.roc, strict=True)
        curves.log_roc_curve(list(false_positive), list(true_positive), list(thresholds))
    curves.log_confusion_matrix(list(found.classes), found.confusion)
    return curves.metadata


if __name__ == "__main__":
    main(sys.argv[1:])
