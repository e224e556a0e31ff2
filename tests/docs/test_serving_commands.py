"""The serving commands of README.md and docs/serving.md, run as they are printed.

Only the ports are others, for those of the pages may be taken.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
import tensorflow as tf
from markdown_it import MarkdownIt

from contract.signatures import USER_VECTOR
from serving.releases.releases import Releases
from trainer.export.signatures import ServedModel

pytestmark = pytest.mark.slow

_ROOT = pathlib.Path(__file__).parents[2]
_VERSIONS = (1795000000, 1795446532)
_USER = "u3c6ef362"
_ELSEWHERE = ("docker", "kubectl")
"""Blocks with these need what is not here, all their commands."""
_NOT_RUN = {
    "cd serving/examples": "tests/serving/test_examples.py compiles and runs them",
    "pip install": "tests/serving/test_client_alone.py installs it",
    "python -m benchmarks": "takes minutes",
    "s3://": "tests/serving/test_mirror.py publishes",
}


class _Lengths(ServedModel):
    """User vector: 256 times the number of bytes; one task of two classes."""

    def outputs(self, behaviors, events):
        size = tf.reduce_sum(tf.cast(tf.strings.length(behaviors), tf.float32), axis=1)
        return {
            USER_VECTOR: tf.repeat(size[:, tf.newaxis], 256, axis=1),
            "likes_outdoor": tf.stack([0 * size + 0.25, 0 * size + 0.75], axis=1),
        }


def _blocks(page, heading):
    """The code under a heading, as (language, text)."""
    tokens = MarkdownIt("commonmark").parse((_ROOT / page).read_text(encoding="utf-8"))
    titles = [token.content for token in tokens if token.type == "inline"]
    assert heading is None or heading in titles
    inside = heading is None
    for token, following in zip(tokens, tokens[1:] + tokens[-1:], strict=True):
        if token.type == "heading_open" and heading is not None:
            inside = following.content == heading
        if inside and token.type in ("fence", "code_block"):
            yield token.info or ("bash" if token.type == "code_block" else "text"), token.content


def _commands(text):
    """The commands of a block; one ends where its quotes are closed."""
    command = ""
    for line in text.splitlines():
        command += line + "\n"
        try:
            shlex.split(command, comments=True)
        except ValueError:
            continue
        if not line.endswith(("\\", "|")):
            yield command.strip()
            command = ""
    assert not command


def _is_run(text):
    return not any(words in text for words in _NOT_RUN)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder with what the demo leaves: a pushed model, two versions, the older one stable."""
    folder = tmp_path_factory.mktemp("checkout")
    model_dir = folder / "runs" / "demo" / "serving" / "demo"
    for version in _VERSIONS:
        _Lengths().export(str(model_dir / str(version)))
    releases = Releases(str(model_dir))
    releases.serve(_VERSIONS[0])
    releases.serve(_VERSIONS[1])
    events = folder / "runs" / "demo-data" / "events.jsonl"
    events.parent.mkdir()
    lines = [
        json.dumps({"user_id": user, "timestamp": 1734630897 + day, "text": f"{user} {day}"})
        for user in (_USER, "u2", "u3")
        for day in range(3)
    ]
    events.write_text("\n".join(lines))
    subprocess.run(["gzip", str(events)], check=True)
    return folder


class _Shell:
    """Runs a page's code in the folder, with its own ports; ends what it started."""

    def __init__(self, folder):
        with socket.create_server(("", 0)) as one, socket.create_server(("", 0)) as two:
            self._ports = {"8500": one.getsockname()[1], "8501": two.getsockname()[1]}
        self._folder = folder
        self._servers = []

    def run(self, language, text):
        """Runs a block and gives what it printed."""
        for printed, port in self._ports.items():
            text = text.replace(f"localhost:{printed}", f"localhost:{port}")
        text = text.replace("<version>", str(_VERSIONS[0]))
        if language == "python":
            return self._finish([sys.executable, "-c", text])
        output = []
        for command in _commands(text):
            if command.startswith("python -m serving serve "):
                self._serve(command)
            else:
                output.append(self._finish(["bash", "-euo", "pipefail", "-c", command]))
        return "".join(output)

    def close(self):
        for server in self._servers:
            server.terminate()
            server.communicate(timeout=60)

    def _start(self, command, **options):
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
        environment = {**os.environ, "PYTHONPATH": str(_ROOT), "PATH": path}
        return subprocess.Popen(
            command, cwd=self._folder, env=environment, text=True, stdout=subprocess.PIPE, **options
        )

    def _finish(self, command):
        process = self._start(command, stderr=subprocess.PIPE)
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 0, f"{command}\n{output}\n{errors}"
        return output

    def _serve(self, command):
        grpc, rest = self._ports.values()
        command = f"exec {command.split('#')[0]} --port {grpc} --rest-api-port {rest}"
        self._servers.append(self._start(["bash", "-c", command], stderr=subprocess.DEVNULL))
        name = re.search(r"--model-name (\S+)", command)
        status = f"http://localhost:{rest}/v1/models/{name[1] if name else 'default'}"
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(status) as response:
                    states = json.load(response)["model_version_status"]
                assert {each["state"] for each in states} == {"AVAILABLE"}
                return
            except (urllib.error.URLError, AssertionError):
                assert self._servers[-1].poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)


@pytest.fixture
def shell(checkout):
    shell = _Shell(checkout)
    yield shell
    shell.close()
    for name in ("vectors.parquet", "tuesday.parquet", "stores"):
        shutil.rmtree(checkout / name, ignore_errors=True)


@pytest.mark.parametrize(
    ("page", "heading", "expected"),
    [
        ("README.md", "The served model", ["likes_outdoor", "stable"]),
        (
            "docs/serving.md",
            None,
            ["likes_outdoor", "u2", "none of 1 users", '"outputs"', '"state": "AVAILABLE"'],
        ),
    ],
)
def test_the_pages_commands(shell, page, heading, expected):
    output = ""
    for language, text in _blocks(page, heading):
        if any(word in text for word in _ELSEWHERE):
            continue
        if language == "bash":
            # Of a block some commands may be run, and others not.
            text = "\n".join(each for each in _commands(text) if _is_run(each))
        if language in ("bash", "python") and text and _is_run(text):
            output += shell.run(language, text)
    for words in expected:
        assert words in output
