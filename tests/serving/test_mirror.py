"""A model's versions in an S3 server: never half a version, nothing lost, nothing twice."""

import json
import shutil

import pytest

from contract.errors import UserError
from ingestion import stores
from serving.releases import mirror
from serving.releases.errors import ReleaseError
from serving.releases.mirror import publish_model
from serving.releases.releases import Releases


@pytest.fixture
def model_dir(tmp_path):
    """Two versions, of which the first is served."""
    folder = tmp_path / "serving" / "small"
    for number in (1, 2):
        _write_version(folder, number)
    Releases(str(folder)).serve(1)
    return folder


@pytest.fixture
def folder(bucket):
    """An empty folder of the store."""
    yield "s3://bucket/models"
    bucket.objects.all().delete()


def _write_version(folder, number, audit="first"):
    version = folder / str(number)
    for name, content in {
        "saved_model.pb": f"graph {number}",
        "variables/index": f"weights {number}",
        "audit/audit.json": audit,
        "model_card.json": json.dumps(
            {"digest": f"d{number}", "lineage": {"audit": {"sha256": audit}}}
        ),
    }.items():
        (version / name).parent.mkdir(parents=True, exist_ok=True)
        (version / name).write_text(content)


def _objects(bucket):
    return {each.key: each.get()["Body"].read().decode() for each in bucket.objects.all()}


def test_saved_model_comes_last_of_a_version_and_the_configuration_after_all(
    model_dir, folder, bucket, monkeypatch
):
    uploaded = []

    def upload(source, destination):
        uploaded.append(destination.removeprefix(f"{folder}/small/"))
        stores.upload(source, destination)

    monkeypatch.setattr(mirror, "upload", upload)
    assert publish_model(str(model_dir), folder) == [1, 2]
    assert [name for name in uploaded if "saved_model.pb" in name] == [uploaded[3], uploaded[7]]
    found = _objects(bucket)
    assert {name.removeprefix("models/small/") for name in found} == {*uploaded, "models.config"}
    assert found["models/small/2/variables/index"] == "weights 2"
    assert "versions: 1" in found["models/small/models.config"]
    # What is served changes, and of the versions that nobody serves the oldest goes.
    uploaded.clear()
    Releases(str(model_dir)).serve(2)
    _write_version(model_dir, 3)
    bucket.put_object(Key="models/small/9/variables/half", Body=b"")
    assert publish_model(str(model_dir), folder, keep=1) == [3]
    assert {name.partition("/")[0] for name in uploaded} == {"3"}
    assert "versions: 2" in _objects(bucket)["models/small/models.config"]
    versions = {name.split("/")[2] for name in _objects(bucket)}
    assert versions == {"1", "2", "3", "9", "models.config"}
    Releases(str(model_dir)).move_label("stable", 2)
    Releases(str(model_dir)).move_label("canary", 2)
    shutil.rmtree(model_dir / "1")
    publish_model(str(model_dir), folder, keep=1)
    versions = {name.split("/")[2] for name in _objects(bucket)}
    assert versions == {"2", "3", "9", "models.config"}


def test_what_an_upload_that_died_left_is_no_version_and_is_completed(
    model_dir, folder, bucket, monkeypatch
):
    def die(source, destination):
        if destination.endswith("2/saved_model.pb"):
            raise ConnectionError("gone")
        stores.upload(source, destination)

    monkeypatch.setattr(mirror, "upload", die)
    with pytest.raises(ConnectionError):
        publish_model(str(model_dir), folder)
    left = _objects(bucket)
    assert "models/small/1/saved_model.pb" in left
    assert "models/small/2/saved_model.pb" not in left
    assert "models/small/models.config" not in left
    monkeypatch.undo()
    assert publish_model(str(model_dir), folder) == [2]
    assert _objects(bucket)["models/small/2/saved_model.pb"] == "graph 2"


def test_another_audit_of_the_same_model_is_brought_and_another_model_refused(
    model_dir, folder, bucket
):
    publish_model(str(model_dir), folder)
    _write_version(model_dir, 2, audit="second")
    assert publish_model(str(model_dir), folder) == [2]
    assert _objects(bucket)["models/small/2/audit/audit.json"] == "second"
    (model_dir / "2" / "model_card.json").write_text(json.dumps({"digest": "other"}))
    with pytest.raises(ReleaseError, match="is another model than"):
        publish_model(str(model_dir), folder)


def test_a_store_that_refuses_says_why_and_what_to_do(model_dir, bucket, monkeypatch):
    with pytest.raises(UserError, match=r"not-mine/small cannot be written: .*NoSuchBucket.*AWS_"):
        publish_model(str(model_dir), "s3://not-mine")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(UserError, match="Could not connect"):
        publish_model(str(model_dir), "s3://bucket/models")
    with pytest.raises(ReleaseError, match="has no versions"):
        publish_model(str(model_dir.parent / "other"), "s3://bucket/models")
