"""Clients that others wrote, each in an environment of its own, against the development server."""

import json
import os
import subprocess
import textwrap

import numpy as np
import pytest
import tensorflow as tf

# It brings stubs made by an old protoc, which only this protobuf reads, without its fast parser.
_MIN_TFS_CLIENT = ("min-tfs-client==1.0.2", "protobuf==3.20.*")


@pytest.fixture(scope="module")
def min_tfs_client(make_environment, tmp_path_factory):
    """Runs a script that has min-tfs-client, and gives what it printed, as JSON."""
    python = make_environment(_MIN_TFS_CLIENT)

    def run(code, *arguments):
        environment = {name: os.environ[name] for name in os.environ if name != "PYTHONPATH"}
        environment["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
        ran = subprocess.run(
            [python, "-c", textwrap.dedent(code), *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path_factory.mktemp("elsewhere"),
            env=environment,
            timeout=120,
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return run


def test_min_tfs_client(min_tfs_client, shared_server):
    example = tf.train.Example()
    example.features.feature["behaviors"].bytes_list.value.extend([b"boots", b"maps"])
    answer = min_tfs_client(
        """
        import json, sys
        import grpc
        import numpy as np
        from min_tfs_client.requests import TensorServingClient
        from min_tfs_client.tensors import tensor_proto_to_ndarray

        host, port = sys.argv[1].split(":")
        client = TensorServingClient(host=host, port=int(port))
        # The client knows no bytes; these are ASCII.
        inputs = {"examples": np.array([bytes.fromhex(sys.argv[2]).decode()] * 2)}
        response = client.predict_request("letters", inputs, model_version=1)
        try:
            client.predict_request("other", inputs)
        except grpc.RpcError as error:
            code, details = error.code().name, error.details()
        outputs = response.outputs.items()
        print(json.dumps({
            "outputs": {name: tensor_proto_to_ndarray(each).tolist() for name, each in outputs},
            "error": [code, details],
        }))
        """,
        shared_server.target,
        example.SerializeToString().hex(),
    )
    np.testing.assert_array_equal(answer["outputs"]["user_vector"], [[2, 9, 1]] * 2)
    np.testing.assert_array_equal(answer["outputs"]["short"], [[0, 1]] * 2)
    assert answer["error"] == ["NOT_FOUND", "Servable not found for request: Latest(other)"]
