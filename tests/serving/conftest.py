"""A small model, and the development server in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading

import pytest
import tensorflow as tf
import uv

from contract.signatures import USER_VECTOR
from serving.dev_server.configs import single_model_config
from serving.dev_server.options import ServerOptions
from serving.dev_server.server import DevServer
from tests.serving.scripted import scripted_servers
from trainer.export.signatures import ServedModel

MODEL = "letters"


class Letters(ServedModel):
    """User vector: number of texts, number of bytes, `scale` plus the latest moment; one task.

    Args:
        scale: Tells versions apart.
    """

    def __init__(self, scale: float = 1.0):
        super().__init__()
        self.scale = tf.Variable(scale)

    def outputs(self, behaviors, events):
        lengths = tf.cast(tf.strings.length(behaviors), tf.float32)
        texts = tf.reduce_sum(tf.cast(lengths > 0, tf.float32), axis=1)
        size = tf.reduce_sum(lengths, axis=1)
        latest = tf.reduce_max(tf.pad(events["timestamps"], [[0, 0], [1, 0]]), axis=1)
        short = tf.cast(size < 10, tf.float32)
        return {
            USER_VECTOR: tf.stack([texts, size, self.scale + tf.cast(latest, tf.float32)], axis=1),
            "short": tf.stack([1 - short, short], axis=1),
        }


class RunningServer:
    """A development server in a thread of its own.

    Attributes:
        server: To be touched through `call` only.
        target: Where gRPC listens.
        url: Where REST listens.
    """

    def __init__(self, config, config_file=None, **options):
        self._options = ServerOptions(port=0, rest_api_port=0, **options)
        self._config = config
        self._config_file = config_file
        self._started = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self):
        self._loop = asyncio.get_running_loop()
        try:
            self.server = DevServer(self._config, self._options, self._config_file)
            async with self.server:
                self.target = f"127.0.0.1:{self.server.port}"
                self.url = f"http://127.0.0.1:{self.server.rest_api_port}"
                self._started.set()
                await self.server.wait()
        except BaseException as error:
            self._error = error
            raise
        finally:
            self._started.set()

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(120)

    def __enter__(self):
        self._thread.start()
        self._started.wait()
        if self._error:
            raise self._error
        return self

    def __exit__(self, *error):
        self._loop.call_soon_threadsafe(self.server.stop)
        self._thread.join()


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Folders of three exported models, by their scale."""
    folder = tmp_path_factory.mktemp("exported")
    for scale in (1, 2, 3):
        Letters(float(scale)).export(str(folder / str(scale)))
    return folder


@pytest.fixture(scope="session")
def saved_model(exported):
    """The first model, loaded without a server."""
    return tf.saved_model.load(str(exported / "1"))


@pytest.fixture
def model_dir(exported, tmp_path):
    """A folder of versions, with version 1."""
    folder = tmp_path / MODEL
    folder.mkdir()
    (folder / "1").symlink_to(exported / "1")
    return folder


@pytest.fixture(scope="session")
def shared_server(exported, tmp_path_factory):
    """A server of version 1 for tests that change nothing."""
    folder = tmp_path_factory.mktemp("models") / MODEL
    folder.mkdir()
    (folder / "1").symlink_to(exported / "1")
    with RunningServer(single_model_config(MODEL, str(folder))) as server:
        yield server


@pytest.fixture
def start_server(model_dir):
    """Returns a function that starts a server of `model_dir`, or of a configuration."""
    with contextlib.ExitStack() as stack:

        def start(config=None, config_file=None, **options):
            config = config or single_model_config(MODEL, str(model_dir))
            return stack.enter_context(RunningServer(config, config_file, **options))

        yield start


@pytest.fixture
def scripted():
    """Returns a function that starts a server of scripted answers."""
    with scripted_servers() as start:
        yield start


@pytest.fixture(scope="session")
def make_environment(tmp_path_factory):
    """Returns a function that makes a Python environment of its own and gives its interpreter.

    It skips where there is no package registry, but not in CI.
    """

    def make(packages, install=None):
        """`install` is what to install, by default the packages."""
        folder = tmp_path_factory.mktemp("environment")
        made = _uv("venv", "--python", sys.executable, folder)
        assert made.returncode == 0, made.stderr
        python = folder / "bin" / "python"
        # Asked apart from the installation: that something cannot be built is no reason to skip.
        asked = _uv("pip", "install", "--dry-run", "--refresh", "--python", python, *packages)
        if asked.returncode:
            answer = " ".join(asked.stderr.split())
            reason = f"no package registry offers {', '.join(packages)}: {answer}"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        installed = _uv("pip", "install", "--python", python, *(install or packages))
        assert installed.returncode == 0, installed.stderr
        return python

    return make


def _uv(*arguments):
    return subprocess.run([uv.find_uv_bin(), *map(str, arguments)], capture_output=True, text=True)


class Priced(ServedModel):
    """User vector: the number of texts, that of those bought, and the sum of their values."""

    def __init__(self):
        super().__init__(["value", "type"])

    def outputs(self, behaviors, events):
        there = tf.strings.length(behaviors) > 0
        bought = tf.equal(events["types"], "buy")
        known = tf.logical_not(tf.math.is_nan(events["values"]))
        values = tf.where(bought & known, events["values"], 0.0)
        counts = [tf.reduce_sum(tf.cast(each, tf.float32), axis=1) for each in (there, bought)]
        return {USER_VECTOR: tf.stack([*counts, tf.reduce_sum(values, axis=1)], axis=1)}


@pytest.fixture(scope="session")
def priced(tmp_path_factory):
    """Folder of versions of a model with types and values; it has one, 1."""
    folder = tmp_path_factory.mktemp("priced")
    Priced().export(str(folder / "1"))
    return folder
