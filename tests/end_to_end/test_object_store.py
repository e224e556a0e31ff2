"""A run whose logs and labels are in S3, and that brings its model and its vectors there."""

import os

import pyarrow.parquet as pq
import pytest

from contract.errors import UsageError
from ingestion.stores import list_files
from pipeline.check_command import check
from serving.bulk.config import EncodingConfig
from serving.bulk.encoding import encode_events

pytestmark = [pytest.mark.slow, pytest.mark.one_stack]


@pytest.fixture(scope="module")
def run(pipeline_in, bucket, tmp_path_factory):
    """A pipeline, and its run."""
    pipeline = pipeline_in(tmp_path_factory.mktemp("store"))
    labels = pipeline.events.with_name("labels.csv")
    bucket.upload_file(str(pipeline.events), "logs/events.jsonl.gz")
    bucket.upload_file(str(labels), "labels.csv")
    pipeline.events.unlink()
    labels.unlink()
    pipeline.config |= {
        "data": {"events": "s3://bucket/logs/", "labels": "s3://bucket/labels.csv"},
        "text": {"vocabulary_size": 500},
        "encoder": {"preset": "small", "dimension": 16, "max_epochs": 1},
        "heads": {"max_epochs": 2},
        "evaluation": {"min_auc": 0.0, "max_auc_drop": 1.0},
        "serving": {
            "encode_users": True,
            "publish_models": "s3://bucket/models",
            "publish_vectors": "s3://bucket/vectors/",
        },
    }
    finished = pipeline.run()
    assert finished.exit_code == 0, finished.text
    return pipeline, finished


def test_the_pushed_version_is_in_the_store_with_its_card_audit_and_configuration(run, bucket):
    pipeline, _ = run
    (number,) = pipeline.versions
    stored = _contents(bucket, f"models/small/{number}/")
    assert stored == _files(pipeline.served)
    assert {"saved_model.pb", "model_card.json", "audit/audit.json"} <= stored.keys()
    config = _contents(bucket, "models/small/")["models.config"].decode()
    assert 'base_path: "/models/small"' in config
    assert number in config


def test_the_vectors_are_in_the_store_and_are_those_of_encoding_into_it(run, bucket):
    pipeline, _ = run
    local = pipeline.artifact("BulkEncoder", "vectors")
    (folder,) = {path.partition("/")[0] for path in list_files("s3://bucket/vectors")}
    assert folder.startswith(f"{pipeline.versions[-1]}-")
    assert _contents(bucket, f"vectors/{folder}/") == _files(local)

    import apache_beam as beam

    again = encode_events(
        ["s3://bucket/logs/*.gz"],
        pipeline.served,
        "s3://bucket/again",
        EncodingConfig(),
        lambda: beam.Pipeline(runner="apache_beam.runners.portability.fn_api_runner.FnApiRunner"),
    )
    assert again["users"] > 400
    # Nothing of the gathering stays.
    assert list_files("s3://bucket/again").keys() == {"_encoding.json", *again["files"].values()}
    bucket.download_file(f"again/{again['files']['0']}", os.path.join(local, ".again"))
    assert pq.read_table(os.path.join(local, ".again")).equals(
        pq.read_table(os.path.join(local, again["files"]["0"]))
    )


def test_check_accepts_what_ran_and_names_what_the_store_refuses(run, tmp_path, capsys):
    import yaml

    pipeline, _ = run
    file = tmp_path / "my.yaml"
    file.write_text(yaml.safe_dump(pipeline.config))
    assert check(str(file)) == 0
    assert "1 file of events" in capsys.readouterr().out
    wrong = dict(pipeline.config)
    wrong["data"] = {
        "events": "s3://elsewhere/logs/",
        "labels": "s3://bucket/labels.csv",
        "schemas": {"labelled": "s3://bucket/schema.pbtxt"},
    }
    wrong["serving"] = {"publish_models": "s3://not-mine/models"}
    file.write_text(yaml.safe_dump(wrong))
    with pytest.raises(UsageError) as refused:
        check(str(file))
    text = str(refused.value)
    assert "data: s3://elsewhere/logs/ cannot be read" in text
    assert "serving.publish_models: s3://not-mine/models cannot be written" in text
    assert "data.schemas.labelled: s3://bucket/schema.pbtxt cannot be read" in text


def _contents(bucket, folder: str) -> dict[str, bytes]:
    return {
        each.key.removeprefix(folder): each.get()["Body"].read()
        for each in bucket.objects.filter(Prefix=folder)
    }


def _files(folder: str) -> dict[str, bytes]:
    found = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found
