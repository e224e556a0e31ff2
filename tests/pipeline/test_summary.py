"""The summary of a run is JSON, whatever TFMA measured."""

import json
import types

from tensorflow_model_analysis.proto import metrics_for_slice_pb2

from pipeline import summary
from pipeline.config import PipelineConfig


def _metrics(group, **values):
    message = metrics_for_slice_pb2.MetricsForSlice()
    if group:
        message.slice_key.single_slice_keys.add(column="activity", bytes_value=group)
    for name, value in values.items():
        item = message.metric_keys_and_values.add()
        item.key.name, item.key.output_name = name, "docs"
        item.value.double_value.value = value
    return message


def _artifact(kind, **properties):
    values = {
        name: types.SimpleNamespace(int_value=value, string_value=value)
        for name, value in properties.items()
    }
    return types.SimpleNamespace(type=kind, uri="evaluation", custom_properties=values)


def test_what_is_undefined_is_null(monkeypatch):
    measured = [
        _metrics(b"", auc=0.9, calibration=float("nan")),
        _metrics(b"00-09", auc=float("nan")),
    ]
    monkeypatch.setattr(summary.tfma, "load_metrics", lambda path: measured)
    monkeypatch.setattr(summary, "reasons_against", lambda path: [])
    config = PipelineConfig.model_validate(
        {"name": "shop", "data": {"events": "e", "labels": "l"}, "tasks": {"docs": {}}}
    )
    pushed = types.SimpleNamespace(
        artifacts=[_artifact("PushedModel", pushed=1, pushed_destination="7")]
    )
    evaluated = types.SimpleNamespace(artifacts=[_artifact("ModelEvaluation")])
    found = summary.summarize(config, evaluated, pushed, None)
    task = json.loads(json.dumps(found, allow_nan=False))["tasks"]["docs"]
    assert (task["auc"], task["calibration"]) == (0.9, None)
    assert task["activity"] == {"00-09": {"auc": None}}
