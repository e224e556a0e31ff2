"""What was measured already, so that a killed experiment goes on where it was."""

from __future__ import annotations

import hashlib
import os
from typing import NamedTuple

import numpy as np

from experiments.kept_arrays import read_arrays, write_arrays
from ingestion.files import fingerprint_of, match_files
from pipeline.code_digest import code_digest
from pipeline.config import PipelineConfig
from trainer.heads.config import HeadsConfig

_SECONDS = "seconds of a run"
# What turns logs into examples, these into word ids, and both into probabilities.
_CODE = ("ingestion.shards", "trainer.text.preprocessing", "experiments.representations")


class Run(NamedTuple):
    """What one model reached with one seed.

    Attributes:
        areas: Task to float64 [1 + resamples], the AUC of the users as they are and of resamples.
        seconds: What fitting and predicting took.
    """

    areas: dict[str, np.ndarray]
    seconds: float


class KeptAreas:
    """Runs on one data set, in files.

    The name of a file has a digest of what it depends on: the input files, the configuration, the
    heads and the code of the pipeline and of the models. What has changed is measured again.

    Args:
        folder: For the files.
        config: What the users were prepared with.
        heads: What the heads are fitted with.
    """

    def __init__(self, folder: str, config: PipelineConfig, heads: HeadsConfig):
        self._folder = folder
        files = match_files({"events": config.data.events, "labels": config.data.labels})
        parts = [config.model_dump_json(), heads.model_dump_json(), fingerprint_of(files)]
        self._digest = hashlib.sha256("\n".join([*parts, code_digest(*_CODE)]).encode())

    def read(self, name: str, description: str, seed: int) -> Run | None:
        """Returns a run, or None if there is none that is whole."""
        found = read_arrays(self._path(name, description, seed))
        if found is None:
            return None
        seconds = float(found.pop(_SECONDS))
        return Run(found, seconds)

    def write(self, name: str, description: str, seed: int, run: Run) -> None:
        """Keeps a run.

        Args:
            name: Of the model.
            description: Of the model, with its configuration.
            seed: Of the run.
            run: What was reached.
        """
        arrays = {**run.areas, _SECONDS: np.array(run.seconds)}
        write_arrays(self._path(name, description, seed), arrays)

    def _path(self, name: str, description: str, seed: int) -> str:
        digest = self._digest.copy()
        digest.update(f"{description}\n{seed}".encode())
        return os.path.join(self._folder, f"{name}-{seed}-{digest.hexdigest()[:16]}.npz")
