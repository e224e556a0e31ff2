"""Runs of the whole pipeline through the command line, as a user runs it."""

from __future__ import annotations

import contextlib
import copy
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import yaml

from ingestion import synthetic_logs

_ROOT = pathlib.Path(__file__).parents[2]


class PipelineRuns:
    """Runs of one small pipeline on generated logs.

    ML Metadata knows the artifacts by their paths, so that a copy of the output folder would be of
    no use elsewhere: the folder itself is put back as it was kept, before every test.

    Args:
        folder: For all of it.
        data: Where the logs are, or will be; by default below `folder`.

    Attributes:
        config: The YAML file's content.
        events: The event file.
        output: The output folder.
        first_model: A copy of the model that the first run pushed.
    """

    def __init__(self, folder: pathlib.Path, data: pathlib.Path | None = None):
        data = data or folder / "data"
        self._folder = folder
        self.first_model = str(folder / "first_model")
        self.output = folder / "output"
        self.events, labels = data / "events.jsonl.gz", data / "labels.csv"
        if not labels.exists():
            synthetic_logs.generate(data, users=500, seed=1, typed=True)
        self.config = {
            "name": "small",
            "data": {
                "events": str(self.events),
                "labels": str(labels),
                "channels": ["time", "type", "value"],
            },
            "tasks": {
                "likes_outdoor": None,
                "likes_cooking": None,
                "parent": None,
                "age_range": {"classes": list(synthetic_logs.AGE_RANGES)},
            },
            "text": {"vocabulary_size": 2000},
            "encoder": {"preset": "small", "dimension": 32, "max_epochs": 1},
            "heads": {"max_epochs": 20},
            # Heads on 340 users differ by chance; what is tested is that there is a comparison.
            "evaluation": {"min_auc": 0.3, "max_auc_drop": 0.5},
            # The first model has none before it; heads alone do not look again.
            "serving": {"compatible_with": "previous"},
        }

    def keep(self) -> None:
        """Keeps the output folder and the configuration as they are now."""
        shutil.copytree(self.output, self._folder / "kept")
        self._kept_config = copy.deepcopy(self.config)

    def restore(self) -> None:
        """Puts back what was kept."""
        shutil.rmtree(self.output)
        shutil.copytree(self._folder / "kept", self.output)
        self.config = copy.deepcopy(self._kept_config)

    def wait_until_free(self) -> None:
        """Waits, at most a minute, until no process has the output folder."""
        deadline = time.monotonic() + 60
        with open(self.output / ".lock") as lock:
            while True:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                assert time.monotonic() < deadline
                time.sleep(0.1)

    @contextlib.contextmanager
    def changed(self, **sections):
        """Replaces sections of the configuration for a while."""
        config = self.config
        self.config = {**config, **sections}
        try:
            yield
        finally:
            self.config = config

    def start(self, *arguments: str) -> subprocess.Popen:
        config = self._folder / "config.yaml"
        config.write_text(yaml.safe_dump(self.config))
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline", "run", config, "--output", self.output, *arguments],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> Run:
        process = self.start(*arguments)
        output, _ = process.communicate()
        return Run(process.returncode, output, self.output)

    def artifact(self, component: str, key: str) -> str:
        """The newest output of a component."""
        folder = self.output / "artifacts" / component / key
        return str(folder / max(os.listdir(folder), key=int))

    @property
    def versions(self) -> list[str]:
        folder = self.output / "serving" / "small"
        return sorted(os.listdir(folder)) if folder.is_dir() else []

    @property
    def served(self) -> str:
        """The newest pushed version."""
        return str(self.output / "serving" / "small" / self.versions[-1])


class Run:
    """How one run ended.

    Attributes:
        exit_code: Of the command.
        text: What it printed.
        states: Component to `ran` or `cached`, of those that finished.
    """

    def __init__(self, exit_code: int, text: str, output: pathlib.Path):
        self.exit_code = exit_code
        self.text = text
        self.states = {}
        for line in text.splitlines():
            mark, _, rest = line.partition("[")
            if mark.strip() in ("✓", "="):
                component = rest.partition("]")[2].split()[0]
                self.states[component] = "ran" if mark.strip() == "✓" else "cached"
        runs = output / "runs"
        self.folder = runs / max(os.listdir(runs)) if runs.is_dir() else None

    @property
    def summary(self) -> dict:
        return json.loads((self.folder / "summary.json").read_text())

    @property
    def ran(self) -> set[str]:
        return {name for name, state in self.states.items() if state == "ran"}
