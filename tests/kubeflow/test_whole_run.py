"""The compiled file, run without a cluster: every test goes on where the first run ended."""

import contextlib
import copy
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
import yaml
from sklearn.metrics import auc

from ingestion import synthetic_logs
from kubeflow.__main__ import main
from kubeflow.container_entrypoint import local_path
from tests.kubeflow.webhook import webhook_server

pytestmark = [pytest.mark.slow, pytest.mark.one_stack]

_ROOT = pathlib.Path(__file__).parents[2]
_LOOKING = {"DataFingerprint", "BaselineFinder", "Pusher", "Notifier"}
"""Steps that look at what is outside of the pipeline or speak to it, in every run."""


class Killer(threading.Thread):
    """Kills the encoder's training once it has kept the state of an epoch.

    Args:
        output: The run's output folder.
    """

    def __init__(self, output):
        super().__init__(daemon=True)
        self._output = output

    def run(self):
        """See base class."""
        while not list(self._output.glob("checkpoints/backup-*/*.weights.h5")):
            time.sleep(0.02)
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                command = path.read_bytes()
                if b"trainer.encoder.run" in command and bytes(self._output) in command:
                    os.kill(int(path.parent.name), signal.SIGKILL)


class CompiledRuns:
    """Runs of one small compiled pipeline.

    Args:
        folder: For all of it.
        webhook: URL that hears how each run ended.

    Attributes:
        config: The YAML file's content.
    """

    def __init__(self, folder, webhook):
        self._folder = folder
        self._webhook = webhook
        self._output = folder / "output"
        synthetic_logs.generate(folder / "data", users=400, seed=1)
        self.config = {
            "name": "small",
            "data": {"events": "/data/events.jsonl.gz", "labels": "/data/labels.csv"},
            "tasks": {"likes_outdoor": None, "likes_cooking": None},
            "text": {"vocabulary_size": 1000},
            "encoder": {"preset": "small", "dimension": 32, "max_epochs": 3},
            "heads": {"max_epochs": 5, "members": 1, "regression": False},
            "evaluation": {"min_auc": 0.3, "max_auc_drop": 0.5},
            "kubeflow": {
                "image": "registry.example/users:1",
                "pipeline_root": "minio://bucket/root",
                "volumes": [
                    {"claim": "logs", "mount_path": "/data"},
                    {"claim": "models", "mount_path": "/models"},
                ],
                "serving_dir": "/models/small",
                "retries": {"backoff_seconds": 0},
                "notify": {"secret": "webhook"},
            },
        }

    def keep(self):
        """Keeps the output folder and the configuration as they are now."""
        shutil.copytree(self._output, self._folder / "kept")
        self._kept_config = copy.deepcopy(self.config)

    def restore(self):
        """Puts back what was kept."""
        shutil.rmtree(self._output)
        shutil.copytree(self._folder / "kept", self._output)
        self.config = copy.deepcopy(self._kept_config)

    def killer(self):
        """A thread that kills the encoder's training of the next run."""
        return Killer(self._output)

    def run(self, *arguments):
        """Compiles the configuration and runs the file.

        Returns:
            Exit code, what was printed, step -> what became of it.
        """
        config, pipeline = self._folder / "config.yaml", self._folder / "pipeline.yaml"
        config.write_text(yaml.safe_dump(self.config))
        assert main(["compile", str(config), "--output", str(pipeline)]) == 0
        command = [sys.executable, "-m", "kubeflow", "run-locally", pipeline, "--parallel", "2"]
        command += ["--data", self._folder / "data", "--output", self._output, *arguments]
        ended = subprocess.run(
            command,
            cwd=_ROOT,
            env={**os.environ, "WEBHOOK_URL": self._webhook},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        run = max((self._output / "runs").iterdir())
        return ended.returncode, ended.stdout, json.loads((run / "summary.json").read_text())

    def outcome(self, summary):
        """What a run's Pusher left in its output."""
        pushed = self.path(summary["Pusher"]["artifacts"]["pushed_model"]["uri"])
        return json.loads((pushed / "outcome.json").read_text())["outcome"]

    def log(self, step):
        """What a step of the first run printed."""
        run = min((self._output / "runs").iterdir())
        return (run / f"{step}.log").read_text()

    def path(self, uri):
        """Where an artifact's files are."""
        return pathlib.Path(local_path(uri, str(self._output / "store")))

    @property
    def versions(self):
        """The pushed versions."""
        folder = self._output / "serving" / "small"
        return sorted(path for path in folder.iterdir() if path.name.isdigit())


@pytest.fixture(scope="module")
def heard():
    """A webhook: its URL, and what it heard."""
    with webhook_server(answer=200) as (url, heard):
        yield url, heard


@pytest.fixture(scope="module")
def finished(tmp_path_factory, heard):
    """The runs, and the first one: exit code, what was printed, step -> what became of it."""
    compiled = CompiledRuns(tmp_path_factory.mktemp("compiled"), heard[0])
    compiled.killer().start()
    first_run = compiled.run()
    assert first_run[0] == 0, first_run[1]
    compiled.keep()
    return compiled, first_run


@pytest.fixture
def compiled(finished):
    """The runs as the first one left them, whatever other tests did."""
    compiled, _ = finished
    compiled.restore()
    return compiled


def _ran(summary):
    return {name for name, step in summary.items() if step["state"] == "ran"}


def test_the_compiled_file_reaches_a_pushed_model(compiled, finished):
    runs, (_, text, summary) = finished
    assert len(summary) == 18
    assert len(_ran(summary)) == 18
    assert runs.outcome(summary) == "pushed"
    (version,) = compiled.versions
    assert f"model    {version}" in text
    card = json.loads((version / "model_card.json").read_text())
    assert card["metrics"]["likes_outdoor"]["auc"] > 0.3
    assert summary["BaselineFinder"]["parameters"] == {"baseline": ""}
    # URIs left the steps, local paths stayed in them.
    model = summary["HeadsTrainer"]["artifacts"]["model"]
    assert model["uri"].startswith("minio://bucket/root/small/")
    blessing = summary["Evaluator"]["artifacts"]["blessing"]["metadata"]
    assert blessing["current_model"] == model["uri"]
    assert blessing["model_digest"] == card["digest"]
    # What KFP's interface shows is what TFMA found, which the card has as well.
    shown = summary["Results"]["artifacts"]
    assert shown["metrics"]["metadata"]["blessed"] == 1
    for task, metrics in card["metrics"].items():
        for name, value in metrics.items():
            assert shown["metrics"]["metadata"][f"{task}_{name}"] == value
        curves = shown[f"curves_{task}"]["metadata"]
        false_positive, true_positive = (
            [at[rate] for at in curves["confidenceMetrics"]]
            for rate in ("falsePositiveRate", "recall")
        )
        assert auc(false_positive, true_positive) == pytest.approx(metrics["auc"], abs=0.01)
        confusion = [row["row"] for row in curves["confusionMatrix"]["rows"]]
        correct = confusion[0][0] + confusion[1][1]
        assert sum(map(sum, confusion)) == metrics["example_count"]
        assert correct / metrics["example_count"] == pytest.approx(
            metrics["sparse_categorical_accuracy"]
        )
    audit = runs.path(summary["Auditor"]["artifacts"]["audit"]["uri"])
    assert runs.path(shown["page"]["uri"]).read_text() == (audit / "report.html").read_text()


def test_a_killed_training_goes_on_in_its_next_attempt(compiled, finished):
    _, (_, text, _) = finished
    assert "ended by signal 9; tried again in 0 seconds" in text
    log = compiled.log("EncoderTrainer")
    epochs = re.findall(r"epoch (\d)/3 \S+ \S+ val_loss", log)
    assert epochs == sorted(set(epochs)), log
    assert epochs[-1] == "3"


def test_an_unchanged_run_computes_nothing(compiled, heard):
    code, text, summary = compiled.run()
    assert code == 0, text
    assert {key: heard[1][-1][key] for key in ("pipeline", "state")} == {
        "pipeline": "small",
        "state": "SUCCEEDED",
    }
    assert _ran(summary) == _LOOKING
    assert compiled.outcome(summary) == "already served"
    assert len(compiled.versions) == 1


def test_a_model_that_falls_behind_the_pushed_one_is_not_pushed(compiled):
    """A parameter of the run, the threshold of change, and the steps that depend on the two."""
    (version,) = compiled.versions
    compiled.config["evaluation"] = {"min_auc": 0.0, "max_auc_drop": 0.0}
    code, text, summary = compiled.run("--set", "heads_learning_rate=1e-9")
    assert code == 3, text
    assert "not blessed, not pushed" in text
    assert _ran(summary) == _LOOKING | {"HeadsTrainer", "Evaluator", "Auditor", "Results"}
    assert summary["BaselineFinder"]["parameters"] == {"baseline": str(version)}
    blessing = summary["Evaluator"]["artifacts"]["blessing"]["metadata"]
    assert blessing["baseline_model"] == str(version)
    assert blessing["blessed"] == 0
    assert compiled.outcome(summary) == "refused"
    assert compiled.versions == [version]
