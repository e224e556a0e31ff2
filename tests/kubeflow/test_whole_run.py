"""The compiled file, run without a cluster: every test goes on where the first run ended."""

import copy
import json
import pathlib
import shutil
import subprocess
import sys

import pytest
import yaml

from ingestion import synthetic_logs
from kubeflow.__main__ import main

pytestmark = pytest.mark.slow

_ROOT = pathlib.Path(__file__).parents[2]
_LOOKING = {"DataFingerprint", "BaselineFinder", "Pusher"}
"""Steps that look at what is outside of the pipeline, in every run."""


class CompiledRuns:
    """Runs of one small compiled pipeline.

    Attributes:
        config: The YAML file's content.
    """

    def __init__(self, folder):
        self._folder = folder
        self._output = folder / "output"
        synthetic_logs.generate(folder / "data", users=400, seed=1)
        self.config = {
            "name": "small",
            "data": {"events": "/data/events.jsonl.gz", "labels": "/data/labels.csv"},
            "tasks": {"likes_outdoor": None, "likes_cooking": None},
            "text": {"vocabulary_size": 1000},
            "encoder": {"preset": "small", "dimension": 32, "max_epochs": 1},
            "heads": {"max_epochs": 5, "members": 1},
            "evaluation": {"min_auc": 0.3, "max_auc_drop": 0.5},
            "kubeflow": {
                "image": "registry.example/users:1",
                "pipeline_root": "minio://bucket/root",
                "volumes": [
                    {"claim": "logs", "mount_path": "/data"},
                    {"claim": "models", "mount_path": "/models"},
                ],
                "serving_dir": "/models/small",
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
            command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        run = max((self._output / "runs").iterdir())
        return ended.returncode, ended.stdout, json.loads((run / "summary.json").read_text())

    @property
    def versions(self):
        """The pushed versions."""
        folder = self._output / "serving" / "small"
        return sorted(path for path in folder.iterdir() if path.name.isdigit())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The runs, and the first one: exit code, what was printed, step -> what became of it."""
    compiled = CompiledRuns(tmp_path_factory.mktemp("compiled"))
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
    _, (_, text, summary) = finished
    assert len(summary) == 16
    assert len(_ran(summary)) == 16
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


def test_an_unchanged_run_computes_nothing(compiled):
    code, text, summary = compiled.run()
    assert code == 0, text
    assert _ran(summary) == _LOOKING
    assert len(compiled.versions) == 1


def test_a_model_that_falls_behind_the_pushed_one_is_not_pushed(compiled):
    """A parameter of the run, the threshold of change, and the steps that depend on the two."""
    (version,) = compiled.versions
    compiled.config["evaluation"] = {"min_auc": 0.0, "max_auc_drop": 0.0}
    code, text, summary = compiled.run("--set", "heads_learning_rate=1e-9")
    assert code == 3, text
    assert "not blessed, not pushed" in text
    assert _ran(summary) == _LOOKING | {"HeadsTrainer", "Evaluator", "Auditor"}
    assert summary["BaselineFinder"]["parameters"] == {"baseline": str(version)}
    blessing = summary["Evaluator"]["artifacts"]["blessing"]["metadata"]
    assert blessing["baseline_model"] == str(version)
    assert blessing["blessed"] == 0
    assert compiled.versions == [version]
