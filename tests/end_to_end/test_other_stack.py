"""What one stack trained is used on the other: served, encoded with, gone on from.

`.ci/other_stack` runs this on one stack, on the other, and on the first again, with CROSS_STACK as
a folder that both see at the same path. Each leaves a model there, and what it gives.
"""

import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from serving.bulk.vectors import read_vectors
from serving.client import UserEncoderClient

_ROOT = pathlib.Path(__file__).parents[2]
_SHARED = os.environ.get("CROSS_STACK")
_OWN = f"python{sys.version_info[0]}.{sys.version_info[1]}"
_HISTORIES = [
    ["running shoes", "best trail jacket", "how to bake bread"],
    [],
    ["xqzzy"],
    ["sour dough", "pizza stone"] * 40,
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _SHARED, reason="CROSS_STACK names no folder: .ci/other_stack does"),
]


def _encode(model_dir, events, output):
    """All users' vectors, by the command."""
    command = [sys.executable, "-m", "serving", "encode", model_dir, events, "--output", output]
    subprocess.run(command, cwd=_ROOT, check=True)


def _vectors(folder):
    """User -> vector."""
    return {
        user: vector
        for users, vectors in read_vectors(str(folder))
        for user, vector in zip(users, vectors, strict=True)
    }


@pytest.fixture(scope="module")
def other(pipeline_in):
    """The folder that the other stack left."""
    folders = [path for path in pathlib.Path(_SHARED).iterdir() if path.name != _OWN]
    assert len(folders) == 1, f"{_SHARED} has to have a folder of one other stack: {folders}"
    return folders[0]


def test_this_stack_leaves_a_model(pipeline_in):
    folder = pathlib.Path(_SHARED) / _OWN
    folder.mkdir()
    pipeline = pipeline_in(folder)
    run = pipeline.run()
    assert run.exit_code == 0, run.text
    # The other stack pushes a new version into the pipeline's folder, not into this one.
    shutil.copytree(run.summary["model"], folder / "model" / "1")
    _encode(folder / "model", pipeline.events, folder / "vectors")
    signature = tf.saved_model.load(str(folder / "model" / "1")).signatures["encode"]
    padded = tf.ragged.constant(_HISTORIES, dtype=tf.string, ragged_rank=1).to_tensor("")
    np.save(folder / "answers.npy", signature(behaviors=padded)["user_vector"].numpy())


def test_its_model_is_served(other):
    command = [sys.executable, "-m", "serving", "serve", other / "model", "--model-name=other"]
    server = subprocess.Popen(
        [*command, "--port=0", "--rest-api-port=0"], stdout=subprocess.PIPE, text=True, cwd=_ROOT
    )
    try:
        target = next(line.split()[1] for line in server.stdout if line.startswith("gRPC"))
        with UserEncoderClient(target, model="other") as client:
            vectors = client.encode(_HISTORIES)
    finally:
        server.terminate()
        server.communicate()
    np.testing.assert_allclose(vectors, np.load(other / "answers.npy"), atol=1e-5)


def test_its_model_encodes_all_users(other, pipeline_in, tmp_path):
    _encode(other / "model", pipeline_in(other).events, tmp_path / "vectors")
    ours, theirs = _vectors(tmp_path / "vectors"), _vectors(other / "vectors")
    assert len(ours) == 500
    assert ours.keys() == theirs.keys()
    for user, vector in ours.items():
        np.testing.assert_allclose(vector, theirs[user], atol=1e-5, err_msg=user)


def test_its_output_folder_is_gone_on_with(other, pipeline_in):
    """On the other stack a run computes what it must; the baseline is the model of the first."""
    pipeline = pipeline_in(other)
    pipeline.config["heads"]["hidden_units"] = 16
    run = pipeline.run()
    assert run.exit_code == 0, run.text
    assert run.ran >= {"HeadsTrainer", "Evaluator", "Pusher"}
    assert len(pipeline.versions) == 2
    assert all("baseline_auc" in task for task in run.summary["tasks"].values())
