"""The step that shows the evaluation in KFP's interface, as a part of the compiled pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ingestion.config import Task
from kubeflow.result_names import AUDIT, BLESSING, CURVES, EVALUATION, METRICS, PAGE, TASKS
from pipeline.code_digest import code_digest
from pipeline.pipeline import AUDITOR, EVALUATOR
from pipeline.steps import RESULTS

_MODULE = "kubeflow.results"
_CODE_DIGEST = "code_digest"
_PRODUCERS = {EVALUATION: EVALUATOR, BLESSING: EVALUATOR, AUDIT: AUDITOR}


def add_results_step(spec: dict[str, Any], tasks: Mapping[str, Task], image: str | None) -> None:
    """Adds the step, after Evaluator and Auditor, in place.

    Args:
        spec: KFP's PipelineSpec as JSON.
        tasks: Of the configuration.
        image: Of the step's container.
    """
    outputs = {
        METRICS: "system.Metrics",
        PAGE: "system.HTML",
        **{CURVES + task: "system.ClassificationMetrics" for task in tasks},
    }
    spec["components"][RESULTS] = {
        "executorLabel": f"{RESULTS}_executor",
        "inputDefinitions": {
            "artifacts": {
                EVALUATION: {"artifactType": {"schemaTitle": "tfx.ModelEvaluation"}},
                BLESSING: {"artifactType": {"schemaTitle": "tfx.ModelBlessing"}},
                AUDIT: {"artifactType": {"schemaTitle": "tfx.ModelEvaluation"}},
            },
            "parameters": {name: {"parameterType": "STRING"} for name in (TASKS, _CODE_DIGEST)},
        },
        "outputDefinitions": {
            "artifacts": {
                name: {"artifactType": {"schemaTitle": title, "schemaVersion": "0.0.1"}}
                for name, title in outputs.items()
            }
        },
    }
    classes = json.dumps({name: list(task.classes) for name, task in tasks.items()})
    spec["root"]["dag"]["tasks"][RESULTS] = {
        "cachingOptions": {"enableCache": True},
        "componentRef": {"name": RESULTS},
        "dependentTasks": [EVALUATOR, AUDITOR],
        "inputs": {
            "artifacts": {
                name: {"taskOutputArtifact": {"producerTask": producer, "outputArtifactKey": name}}
                for name, producer in _PRODUCERS.items()
            },
            "parameters": {
                TASKS: {"runtimeValue": {"constant": classes}},
                # As TFX's steps have it: other code is another result.
                _CODE_DIGEST: {"runtimeValue": {"constant": code_digest(_MODULE)}},
            },
        },
        "taskInfo": {"name": RESULTS},
    }
    spec["deploymentSpec"]["executors"][f"{RESULTS}_executor"] = {
        "container": {"image": image, "command": ["python", "-m", _MODULE], "args": ["{{$}}"]}
    }
