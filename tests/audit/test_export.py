"""Exports: read back by the formats' own libraries."""

import json
import os

import pandas as pd
import pytest

from audit.__main__ import main
from audit.export import command
from contract import exit_codes
from tests.audit.audited import TASKS, Audited, made_predictions


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    audited = Audited(tmp_path_factory.mktemp("audited"), made_predictions())
    audited.sources.configuration["data"] = {
        "columns": {"user_id": "user_id", "timestamp": "timestamp", "text": "text"}
    }
    audited.record = audited.make()
    return audited


def _export(audited, name, output):
    return main(["export", audited.folder, "--to", name, "--output", str(output)])


def test_openlineage(audited, tmp_path):
    pytest.importorskip("openlineage.client")
    texts = []
    for name in ("first.json", "second.json"):
        assert _export(audited, "openlineage", tmp_path / name) == exit_codes.OK
        texts.append((tmp_path / name).read_text())
    assert texts[0] == texts[1]
    event = json.loads(texts[0])
    assert event["eventType"] == "COMPLETE"
    assert event["job"]["namespace"] == "shop"
    assert event["job"]["facets"]["documentation"]["description"] == "Ranks products."
    (read,), (made,) = event["inputs"], event["outputs"]
    assert (read["namespace"], read["name"]) == ("file", str(audited.events))
    assert read["facets"]["version"]["datasetVersion"].startswith("blake2b:")
    assert read["inputFacets"]["dataQualityMetrics"]["rowCount"] == 1000
    assert made["facets"]["version"]["datasetVersion"] == audited.record["model"]["digest"]


def test_croissant(audited, tmp_path):
    mlcroissant = pytest.importorskip("mlcroissant")
    output = tmp_path / "data.json"
    assert _export(audited, "croissant", output) == exit_codes.OK
    data = mlcroissant.Dataset(jsonld=str(output))
    assert not data.metadata.issues.errors
    (file,) = data.metadata.distribution
    assert file.content_url == str(audited.events)
    assert len(file.sha256) == 64
    (records,) = data.metadata.record_sets
    assert [field.name for field in records.fields] == ["user_id", "timestamp", "text"]
    (row,) = data.records(records.id)
    assert {name.rpartition("/")[2]: value for name, value in row.items()} == {
        "user_id": b"a",
        "timestamp": pd.Timestamp(1700000000, unit="s"),
        "text": b"boots",
    }


def test_croissant_describes_no_other_data(audited, tmp_path, capsys):
    pytest.importorskip("mlcroissant")
    content = audited.events.read_text()
    try:
        audited.events.write_text("{}\n")
        assert _export(audited, "croissant", tmp_path / "x") == exit_codes.FAILED
        assert "was changed after the model was made" in " ".join(capsys.readouterr().err.split())
        os.remove(audited.events)
        assert _export(audited, "croissant", tmp_path / "x") == exit_codes.FAILED
        assert "is not here" in capsys.readouterr().err
    finally:
        audited.events.write_text(content)


def test_hugging_face(audited, tmp_path):
    hub = pytest.importorskip("huggingface_hub")
    output = tmp_path / "README.md"
    assert _export(audited, "hugging-face", output) == exit_codes.OK
    card = hub.ModelCard.load(str(output))
    found = {result.metric_name: result.metric_value for result in card.data.eval_results}
    for task in TASKS:
        assert found[f"AUC, {task}"] == audited.record["tasks"][task]["auc"]["value"]
    for text in ("**Blessed**", "- Not for credit.", "**not signed**", "Team <ml@shop>"):
        assert text in card.text
    assert audited.record["model"]["digest"] in card.text


def test_mlflow(audited, tmp_path, capsys):
    mlflow = pytest.importorskip("mlflow", reason="no mlflow-skinny from 3 on for Python 3.11")
    output = tmp_path / "mlruns"
    assert _export(audited, "mlflow", output) == exit_codes.OK
    client = mlflow.MlflowClient(f"file://{output}")
    number = client.get_experiment_by_name("shop").experiment_id
    (run,) = client.search_runs([number])
    auc = audited.record["tasks"]["age"]["auc"]
    assert run.data.metrics["age.auc"] == auc["value"]
    assert run.data.metrics["age.auc.low"] == auc["low"]
    assert run.data.params["encoder.seed"] == "1"
    assert run.data.tags["audit.verdict"] == "blessed"
    assert run.data.tags["audit.model_digest"] == audited.record["model"]["digest"]
    assert run.info.status == "FINISHED"
    names = {
        os.path.basename(each.path) for each in client.list_artifacts(run.info.run_id, "audit")
    }
    assert names == {"audit.json", "report.html", "provenance.intoto.json"}
    # Once is enough.
    assert _export(audited, "mlflow", output) == exit_codes.FAILED
    assert "has a run of this audit already" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("name", ["openlineage", "croissant", "hugging-face", "mlflow"])
def test_a_missing_package_is_named(audited, tmp_path, capsys, monkeypatch, name):
    def missing(package):
        raise ImportError(f"No module named {package!r}")

    monkeypatch.setattr(command.importlib, "import_module", missing)
    monkeypatch.setattr(command.sys, "version_info", (3, 13))
    assert _export(audited, name, tmp_path / "x") == exit_codes.FAILED
    error = " ".join(capsys.readouterr().err.split())
    assert f"--to {name} needs the package" in error
    assert "pip install -r requirements-exports.txt" in error
    monkeypatch.setattr(command.sys, "version_info", (3, 11))
    assert _export(audited, name, tmp_path / "x") == exit_codes.FAILED
    assert ("on Python 3.11 no mlflow-skinny" in capsys.readouterr().err) == (name == "mlflow")


def test_what_would_spoil_or_spread_is_refused(audited, tmp_path, capsys):
    assert _export(audited, "openlineage", f"{audited.folder}/x.json") == exit_codes.USAGE
    assert "is inside of the audit" in " ".join(capsys.readouterr().err.split())
    broken = Audited(tmp_path, made_predictions(seed=1))
    broken.make()
    with open(f"{broken.folder}/report.html", "a") as file:
        file.write("x")
    assert _export(broken, "openlineage", tmp_path / "x.json") == exit_codes.FAILED
    assert "report.html was changed" in " ".join(capsys.readouterr().err.split())
