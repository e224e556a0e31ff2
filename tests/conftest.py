"""What tests of several packages use."""

import functools
import gzip
import json

import pytest


@pytest.fixture(scope="session")
def run_transform():
    """Returns a function that runs Transform on users' texts.

    It takes a folder, users as dicts of the raw texts of `history` and `target`, maybe with their
    timestamps, types and values, and the fields of a `TextConfig`; it returns the transformed rows
    and the analysed graph.
    """
    import tensorflow as tf
    import tensorflow_transform as tft
    import tensorflow_transform.beam as tft_beam

    from trainer.text.preprocessing import preprocessing_fn

    def run(folder, users, **text):
        metadata = tft.DatasetMetadata.from_feature_spec(
            {
                name: tf.io.VarLenFeature(
                    {"timestamps": tf.int64, "values": tf.float32}.get(
                        name.partition("_")[2], tf.string
                    )
                )
                for name in users[0]
            }
        )
        function = functools.partial(preprocessing_fn, custom_config={"text": text})
        with tft_beam.Context(temp_dir=str(folder / "temp")):
            (rows, _), transform_fn = (
                users,
                metadata,
            ) | tft_beam.AnalyzeAndTransformDataset(function)
            _ = transform_fn | tft_beam.WriteTransformFn(str(folder / "graph"))
        return rows, tft.TFTransformOutput(str(folder / "graph"))

    return run


@pytest.fixture
def write(tmp_path):
    """Returns a function that writes a file below `tmp_path`: text, bytes or JSON objects."""

    def write_file(name, content):
        if isinstance(content, list):
            content = "".join(json.dumps(record) + "\n" for record in content)
        if isinstance(content, str):
            content = content.encode()
        if name.lower().endswith(".gz"):
            content = gzip.compress(content)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path)

    return write_file


@pytest.fixture
def events():
    """Returns a function that makes events of users u0, u1, ...: texts `<user> <number>`."""

    def make(users, each=4):
        return [
            {"user_id": f"u{user}", "timestamp": 1000 + number, "text": f"u{user} {number}"}
            for number in range(each)
            for user in range(users)
        ]

    return make


@pytest.fixture(scope="module")
def bucket():
    """A bucket of an S3 server of this machine, which the environment names, also to children."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        _, port = server.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "someone")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        found = boto3.session.Session().resource("s3").Bucket("bucket")
        found.create()
        yield found
    server.stop()
