"""The output folder of local runs: what lies where, and whose folder it is."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import fcntl
import json
import os
from collections.abc import Iterator

from contract.errors import UsageError
from ingestion.stores import is_stored

_NEW_MARKER = ".pipeline.json.new"
_PATTERN_CHARACTERS = frozenset("*?[]\\")


class OutputFolderError(UsageError):
    """The output folder cannot be used; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Claim:
    """An output folder while a run has it.

    Attributes:
        run_folder: A new folder for the log, the configuration and the summary of this run.
        lock: The file descriptor that holds the claim. A process that inherits it holds the claim
            as well, for as long as it lives.
    """

    run_folder: str
    lock: int


class OutputFolder:
    """Paths below the `--output` folder of one pipeline's runs.

    Args:
        path: The folder; it is made when it is first opened.
        pipeline_name: Name of the pipeline it belongs to.

    Raises:
        OutputFolderError: If the path is in a store, or has characters of a pattern.
    """

    def __init__(self, path: str, pipeline_name: str):
        if is_stored(path):
            raise OutputFolderError(
                f"--output {path} must be a folder of this machine: training and ML Metadata write "
                "to no store. Choose one, and let `serving.publish_models` and "
                "`serving.publish_vectors` name the store to which results are copied."
            )
        self.path = os.path.abspath(path)
        if found := sorted(set(self.path) & _PATTERN_CHARACTERS):
            raise OutputFolderError(
                f"{self.path} cannot be an output folder: TFX takes {' '.join(found)} in a "
                "path for a pattern and would not find its own files. Choose an --output without."
            )
        self._pipeline_name = pipeline_name

    @property
    def pipeline_root(self) -> str:
        """Artifacts of all runs."""
        return os.path.join(self.path, "artifacts")

    @property
    def metadata_file(self) -> str:
        """ML Metadata in SQLite."""
        return os.path.join(self.path, "metadata.sqlite")

    @property
    def serving_dir(self) -> str:
        """The model's folder for TF Serving, one numbered folder a version."""
        return os.path.join(self.path, "serving", self._pipeline_name)

    @contextlib.contextmanager
    def open(self) -> Iterator[Claim]:
        """Claims the folder for one run.

        Yields:
            The claim. What is raised while it is held is not the folder's fault, and passes.

        Raises:
            OutputFolderError: If the folder is another pipeline's, holds something else, is in use
                by another run, or cannot be written.
        """
        with contextlib.ExitStack() as stack:
            try:
                self._mark()
                lock = stack.enter_context(open(os.path.join(self.path, ".lock"), "w"))
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise OutputFolderError(
                        f"Another run is using {self.path}. Wait for it, or choose another "
                        "--output."
                    ) from None
                started = datetime.datetime.now().strftime("%Y-%m-%dT%H-%M-%S.%f")
                run_folder = os.path.join(self.path, "runs", started)
                os.makedirs(run_folder)
            except OSError as error:
                raise self.unwritable(error) from error
            yield Claim(run_folder, lock.fileno())

    def unwritable(self, error: OSError) -> OutputFolderError:
        """Returns what to tell of an error of the folder's disk."""
        files = " (or no more files: `df -i` tells)" if error.errno == errno.ENOSPC else ""
        return OutputFolderError(
            f"{self.path} cannot be used as output folder: {error.strerror}{files}. Mend that, or "
            "choose another --output."
        )

    def _mark(self) -> None:
        """Writes whose folder it is, or checks what was written."""
        os.makedirs(self.path, exist_ok=True)
        marker = os.path.join(self.path, "pipeline.json")
        if os.path.exists(marker):
            try:
                with open(marker, encoding="utf-8") as file:
                    owner = json.load(file)["pipeline"]
            except (ValueError, KeyError, TypeError) as error:
                raise OutputFolderError(
                    f"{marker} is damaged, so that nobody knows whose folder this is. Write "
                    f'{{"pipeline": "{self._pipeline_name}"}} into it if it is that of '
                    f"{self._pipeline_name!r}, or choose another --output."
                ) from error
            if owner != self._pipeline_name:
                raise OutputFolderError(
                    f"{self.path} is the output folder of the pipeline {owner!r}, not of "
                    f"{self._pipeline_name!r}. Choose another --output."
                )
        elif set(os.listdir(self.path)) - {_NEW_MARKER}:
            raise OutputFolderError(
                f"{self.path} is not empty and not the output folder of a pipeline. "
                "Choose another --output."
            )
        else:
            # As a whole or not at all: a run that dies here must not leave a damaged marker.
            new = os.path.join(self.path, _NEW_MARKER)
            with open(new, "w", encoding="utf-8") as file:
                json.dump({"pipeline": self._pipeline_name}, file)
            os.replace(new, marker)
