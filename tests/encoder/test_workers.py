"""Two workers, each a process, train what one process trains; killed, they go on."""

import contextlib
import json
import logging
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.encoder import callbacks
from trainer.encoder.config import EncoderConfig
from trainer.encoder.dataset import sentences, training_batches
from trainer.encoder.training import fit_encoder

pytestmark = pytest.mark.slow

_ROOT = pathlib.Path(__file__).parents[2]

# Dropout is left out: every device drops its own. The batches are those of validation, the same in
# every epoch, for `fit` draws more often than it needs to. It also counts one step too many in an
# epoch whose batches it cannot count before.
_CONFIG = {
    "dimension": 8,
    "hops": 2,
    "batch_size": 10,
    "learning_rate": 0.02,
    "max_epochs": 4,
    "random_cut": True,
    "initial_embeddings": "lsa",
}
_KILLED_AFTER = 2
_SECONDS = 400
"""A busy machine takes its time."""

_WORKER = """
import json, os, pathlib, signal, sys
import keras
import numpy as np
from benchmarks.transformed_users import feature_spec
from trainer.encoder.callbacks import ResumableEarlyStopping
from trainer.encoder.config import EncoderConfig
from trainer.encoder.dataset import sentences, training_batches
from trainer.encoder.distribution import is_chief, training_strategy
from trainer.encoder.training import fit_encoder

folder, dies_after = sys.argv[1], int(sys.argv[2])
strategy = training_strategy()
on_epoch_end = ResumableEarlyStopping.on_epoch_end
losses = []

def listen(self, epoch, logs=None):
    on_epoch_end(self, epoch, logs)
    losses.append([epoch + 1, logs["loss"], logs["val_loss"]])
    if epoch + 1 == dies_after:
        os.kill(os.getpid(), signal.SIGKILL)

ResumableEarlyStopping.on_epoch_end = listen
config = EncoderConfig(**json.loads(pathlib.Path(folder, "config.json").read_text()))
files, spec = f"{folder}/users-00000-of-00001.gz", feature_spec()
keras.utils.set_random_seed(0)
encoder = fit_encoder(
    config, 10,
    training_batches(files, spec, config, training=False),
    training_batches(files, spec, config, training=False),
    log_dir=f"{folder}/logs", backup_dir=f"{folder}/backup", strategy=strategy,
    # What the chief has holds for all.
    sentences=sentences(files, spec) if is_chief(strategy) else [],
)
number = strategy.cluster_resolver.task_id
np.savez(f"{folder}/{number}.npz", losses=losses, *encoder.get_weights())
"""


@pytest.fixture
def start():
    """Returns a function that starts two workers, of which the second may die."""
    started = []

    def start(folder, dies_after=0):
        workers = _start(folder, dies_after)
        started.extend(workers)
        return workers

    yield start
    for worker in started:
        worker.kill()
        worker.wait()


def _start(folder, dies_after):
    with contextlib.ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(2)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    workers = []
    for index in range(2):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        workers.append(
            subprocess.Popen(
                [sys.executable, "-c", _WORKER, folder, str(dies_after if index else 0)],
                cwd=_ROOT,
                env={**os.environ, "TF_CONFIG": json.dumps(config), "CUDA_VISIBLE_DEVICES": ""},
                stdout=(folder / f"{index}.log").open("a"),
                stderr=subprocess.STDOUT,
            )
        )
    return workers


def _result(folder, number):
    with np.load(folder / f"{number}.npz") as file:
        results = dict(file)
    return results.pop("losses"), list(results.values())


class KilledError(Exception):
    pass


def _train_in_one_process(path, spec, tmp_path, monkeypatch, caplog):
    """Killed after the same epoch, gone on with; the lines of the epochs and the weights."""
    caplog.set_level(logging.INFO, "progress")
    config = EncoderConfig(**_CONFIG)
    on_epoch_end = callbacks.WholeBackup.on_epoch_end

    def kill(self, epoch, logs=None):
        on_epoch_end(self, epoch, logs)
        if epoch + 1 == _KILLED_AFTER:
            raise KilledError

    def fit():
        keras.utils.set_random_seed(0)
        batches = training_batches(path, spec, config, training=False)
        return fit_encoder(
            config,
            10,
            batches.apply(tf.data.experimental.assert_cardinality(5)),
            training_batches(path, spec, config, training=False),
            log_dir=str(tmp_path / "one" / "logs"),
            backup_dir=str(tmp_path / "one" / "backup"),
            sentences=sentences(path, spec),
        )

    with monkeypatch.context() as patch:
        patch.setattr(callbacks.WholeBackup, "on_epoch_end", kill)
        with pytest.raises(KilledError):
            fit()
    weights = fit().get_weights()
    lines = [record.getMessage() for record in caplog.records if "val_loss" in record.getMessage()]
    return lines, weights


def test_two_workers_train_what_one_trains_and_go_on_when_killed(
    write_users, start, tmp_path, monkeypatch, caplog
):
    rng = np.random.default_rng(0)
    users = [
        ((rng.integers(1, 6, (3, 2)) + 5 * (i % 2)).tolist(), [[1 + 5 * (i % 2)], [2]])
        # The last batch is of one user: the second worker's share is nobody.
        for i in range(41)
    ]
    path, spec = write_users(users)
    (tmp_path / "config.json").write_text(json.dumps(_CONFIG))
    chief, other = start(tmp_path, _KILLED_AFTER)
    assert other.wait(_SECONDS) == -signal.SIGKILL, (tmp_path / "1.log").read_text()[-3000:]
    metadata = tmp_path / "backup" / "training_metadata.json"
    deadline = time.monotonic() + _SECONDS
    while not metadata.exists() or json.loads(metadata.read_text())["epoch"] != _KILLED_AFTER:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # It waits for the other, and would notice only after half a minute. A cluster ends it.
    assert chief.poll() is None
    chief.kill()
    chief.wait()

    workers = start(tmp_path)
    lines, weights = _train_in_one_process(path, spec, tmp_path, monkeypatch, caplog)
    for number, worker in enumerate(workers):
        assert worker.wait(_SECONDS) == 0, (tmp_path / f"{number}.log").read_text()[-3000:]
    assert [line.split()[1] for line in lines] == ["1/4", "2/4", "3/4", "4/4"]
    expected = [[float(line.split()[i]) for i in (3, 5)] for line in lines]
    (losses, of_chief), (of_others, of_other) = _result(tmp_path, 0), _result(tmp_path, 1)
    # They went on.
    np.testing.assert_allclose(losses[:, 1:], expected[_KILLED_AFTER:], atol=2e-4)
    np.testing.assert_array_equal(losses[:, 0], [3, 4])
    np.testing.assert_array_equal(of_others, losses)
    assert len(of_chief) == len(weights)
    for ours, others, alone in zip(of_chief, of_other, weights, strict=True):
        np.testing.assert_array_equal(ours, others)
        # Gradients that are zero but for rounding move a weight too: Adam scales them up.
        np.testing.assert_allclose(ours, alone, atol=1e-3)
    assert not (tmp_path / "backup").exists()
