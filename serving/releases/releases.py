"""Versions on disk and which of them are served: labels, roll-out, rollback, retention.

A model folder has one numbered folder a version. Beside it lies `models.config`, TF Serving's
`ModelServerConfig` for all models of the parent folder; TF Serving reads it again every few
seconds (`--model_config_file_poll_wait_seconds`). It names the served versions and the labels:

- `stable`: what clients should ask for.
- `canary`: what is tried on some of the requests.
- `previous`: the last `stable`, kept loaded so that a rollback takes effect at once.

A request without version and label gets the newest version that is served.

TF Serving checks the labels of a new configuration before it loads anything, and refuses all of
it if a label points to a version that is not loaded yet. A version must therefore be served
first, and get a label afterwards; `serve` and `move_label` are these two steps.

Every change is made under one lock, see `serving.releases.lock`. Readers need none: the file is
replaced as a whole. What was changed, by whom and when stands in `serving.releases.journal`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import uuid

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.releases import journal
from serving.releases.durable import sync_folder
from serving.releases.errors import ReleaseError
from serving.releases.leftovers import remove_leftovers
from serving.releases.lock import config_lock
from serving.releases.unserved import forget_unserved
from serving.releases.versions import complete_versions, version_path

CONFIG_FILE = "models.config"
MODEL_CARD = "model_card.json"
AUDIT_FOLDER = "audit"
"""What a version carries of its audit."""

STABLE, CANARY, PREVIOUS = "stable", "canary", "previous"
LABELS = (STABLE, CANARY, PREVIOUS)

_CONTAINER_FOLDER = "/models"
_DELETING = ".deleting-"
_WRITING = f".{CONFIG_FILE}-"


@dataclasses.dataclass(frozen=True)
class Version:
    """One version on disk.

    Attributes:
        number: Name of the folder.
        path: The folder.
        is_served: Whether the configuration names it.
        labels: That point to it.
        card: The model card; empty if there is none.
    """

    number: int
    path: str
    is_served: bool
    labels: tuple[str, ...]
    card: dict


class Releases:
    """The versions of one model.

    Args:
        model_dir: Folder of versions, on a local disk.
        container_folder: Where TF Serving's container has the parent folder.
    """

    def __init__(self, model_dir: str, container_folder: str = _CONTAINER_FOLDER):
        self._model_dir = os.path.abspath(model_dir)
        self._container_folder = container_folder
        self.name = os.path.basename(self._model_dir)
        self._folder = os.path.dirname(self._model_dir)
        self.config_file = os.path.join(self._folder, CONFIG_FILE)

    def numbers(self) -> list[int]:
        """The complete versions on disk, oldest first."""
        return complete_versions(self._model_dir)

    def versions(self) -> list[Version]:
        """All versions on disk with their state, oldest first."""
        served, labels = self._read()
        return [
            Version(
                number=number,
                path=version_path(self._model_dir, number),
                is_served=number in served,
                labels=tuple(label for label in LABELS if labels.get(label) == number),
                card=self._card(number),
            )
            for number in self.numbers()
        ]

    def state(self) -> tuple[list[int], dict[str, int]]:
        """The served versions and the labels that `models.config` names."""
        served, labels = self._read()
        return sorted(served), labels

    def config_of_model(self) -> str:
        """The part of `models.config` that is of this model, as text; empty if there is none."""
        config = self._config()
        models = config.model_config_list.config
        others = [index for index, model in enumerate(models) if model.name != self.name]
        for index in reversed(others):
            del models[index]
        return text_format.MessageToString(config)

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Returns the lock of all models of the parent folder, for several changes in one.

        The methods that change something take it themselves; whoever has it may call them.
        """
        return config_lock(self.config_file)

    def serve(self, number: int) -> None:
        """Has a version loaded, beside those with labels; the first one gets the labels as well.

        Raises:
            ReleaseError: If there is no such version, or the lock is not to be had.
        """
        self._check(number)
        with self.lock():
            # It may have been deleted meanwhile.
            self._check(number)
            _, labels = self._read()
            self._write({number, *labels.values()}, labels, "serve", number)
            forget_unserved(self._model_dir)

    def move_label(self, label: str, number: int) -> bool:
        """Lets a label point to another version.

        Args:
            label: `stable` or `canary`.
            number: A version.

        Returns:
            Whether it does now; if not, the version was not served yet and now is: move the label
            again when the server says that it is available.

        Raises:
            ReleaseError: If there is no such label or version, or the lock is not to be had.
        """
        if label not in (STABLE, CANARY):
            raise ReleaseError(f"The labels are {STABLE} and {CANARY}, not {label}.")
        self._check(number)
        with self.lock():
            # It may have been deleted meanwhile.
            self._check(number)
            served, labels = self._read()
            if number not in served:
                self._decide({number, *served}, labels, "serve", number)
                return False
            if label == STABLE and labels.get(STABLE, number) != number:
                labels[PREVIOUS] = labels[STABLE]
            labels[label] = number
            self._decide({max(served), *labels.values()}, labels, "label", number)
            return True

    def rollback(self) -> tuple[int, bool]:
        """Undoes the last step: all labels and all requests without one go to an earlier version.

        That is the stable version if a newer one is served, otherwise the previous stable one,
        otherwise the newest on disk that is older.

        Returns:
            The version, and whether it is stable now; if not, it was not served yet and now is:
            roll back again when the server says that it is available.

        Raises:
            ReleaseError: If there is none, or the lock is not to be had.
        """
        with self.lock():
            served, labels = self._read()
            current = labels.get(STABLE, max(self.numbers(), default=0))
            if max(served, default=0) > current:
                target = current
            else:
                older = [number for number in self.numbers() if number < current]
                if PREVIOUS not in labels and not older:
                    raise ReleaseError(f"{self._model_dir} has no version before {current}.")
                target = labels[PREVIOUS] if PREVIOUS in labels else older[-1]
            if target not in served:
                self._decide({target, *served}, labels, "serve", target)
                return target, False
            self._decide({target}, {STABLE: target, CANARY: target}, "rollback", target)
            return target, True

    def prune(self, keep: int) -> list[int]:
        """Deletes old versions, but none that is served.

        Args:
            keep: How many of the newest stay.

        Returns:
            The deleted versions.

        Raises:
            ReleaseError: If the lock is not to be had.
        """
        with self.lock():
            self._remove_half_deleted()
            served, _ = self._read()
            old = [number for number in self.numbers()[:-keep] if number not in served]
            for number in old:
                # A server that polls must not find half a version.
                doomed = os.path.join(self._model_dir, f"{_DELETING}{number}-{uuid.uuid4().hex}")
                os.rename(version_path(self._model_dir, number), doomed)
                shutil.rmtree(doomed)
                journal.append(self._folder, self.name, "prune", version=number)
            return old

    def note_audit(self, number: int) -> None:
        """Writes down the audit that a version's model card names: it was audited once more.

        Raises:
            ReleaseError: The lock is not to be had.
        """
        with self.lock():
            self._log_what_was_found()
            self._log("audit", number, *self.state())

    def _remove_half_deleted(self) -> None:
        """Ends what a process that died had begun; nobody else deletes while this has the lock."""
        if not os.path.isdir(self._model_dir):
            return
        for name in os.listdir(self._model_dir):
            if name.startswith(_DELETING):
                shutil.rmtree(os.path.join(self._model_dir, name), ignore_errors=True)

    def _card(self, number: int) -> dict:
        path = os.path.join(version_path(self._model_dir, number), MODEL_CARD)
        if not os.path.exists(path):
            return {}
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def _check(self, number: int) -> None:
        if number not in self.numbers():
            raise ReleaseError(
                f"{self._model_dir} has no version {number}, only "
                f"{', '.join(map(str, self.numbers())) or 'none'}."
            )

    def _config(self) -> model_server_config_pb2.ModelServerConfig:
        config = model_server_config_pb2.ModelServerConfig()
        if os.path.exists(self.config_file):
            with open(self.config_file, encoding="utf-8") as file:
                try:
                    text_format.Parse(file.read(), config)
                except text_format.ParseError as error:
                    raise ReleaseError(
                        f"{self.config_file} is no ModelServerConfig: {error}"
                    ) from error
        return config

    def _read(self) -> tuple[set[int], dict[str, int]]:
        """The served versions and the labels, of those that are still on disk."""
        for model in self._config().model_config_list.config:
            if model.name == self.name:
                numbers = set(self.numbers())
                labels = {
                    label: number
                    for label, number in model.version_labels.items()
                    if number in numbers
                }
                return set(model.model_version_policy.specific.versions) & numbers, labels
        return set(), {}

    def _decide(self, served: set[int], labels: dict[str, int], action: str, number: int) -> None:
        """Writes what a person wants: a push that died earlier must not change it afterwards."""
        forget_unserved(self._model_dir)
        self._write(served, labels, action, number)

    def _write(self, served: set[int], labels: dict[str, int], action: str, number: int) -> None:
        """Replaces the configuration, and says in the log what was done to which version."""
        # Whatever has the first version served, clients ask for labels.
        labels = labels or {STABLE: number, CANARY: number}
        self._log_what_was_found()
        self._replace(served, labels)
        self._log(action, number, sorted(served), labels)

    def _log(self, action: str, number: int, served: list[int], labels: dict[str, int]) -> None:
        card = self._card(number)
        journal.append(
            self._folder,
            self.name,
            action,
            version=number,
            served=served,
            labels=labels,
            model_digest=card.get("digest"),
            audit_sha256=card.get("lineage", {}).get("audit", {}).get("sha256"),
        )

    def _log_what_was_found(self) -> None:
        """A change that is not in the log: a hand made it, or its process died before the log."""
        lines, _ = journal.read_journal(self._folder)
        states = [line for line in lines if line["model"] == self.name and "served" in line]
        served, labels = self.state()
        if states and (states[-1]["served"], states[-1]["labels"]) != (served, labels):
            journal.append(self._folder, self.name, "found", served=served, labels=labels)

    def _replace(self, served: set[int], labels: dict[str, int]) -> None:
        config = self._config()
        models = config.model_config_list.config
        model = next((model for model in models if model.name == self.name), None)
        if model is None:
            model = models.add(
                name=self.name,
                base_path=f"{self._container_folder}/{self.name}",
                model_platform="tensorflow",
            )
        model.model_version_policy.specific.versions[:] = sorted(served)
        model.version_labels.clear()
        model.version_labels.update(labels)
        folder = self._folder
        remove_leftovers(folder, _WRITING)
        # Process ids are the same in different containers. `tempfile` would make a file that only
        # this user can read, and TF Serving is another.
        temporary = os.path.join(folder, f"{_WRITING}{uuid.uuid4().hex}")
        try:
            with open(temporary, "x", encoding="utf-8") as file:
                file.write(text_format.MessageToString(config))
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.config_file)
            sync_folder(folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
