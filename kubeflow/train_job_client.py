"""A TrainJob of Kubeflow Trainer on a cluster: created, waited for, removed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import urllib3
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from contract.errors import UserError

_GROUP, _VERSION = "trainer.kubeflow.org", "v1alpha1"
_PLURALS = {"TrainingRuntime": "trainingruntimes", "TrainJob": "trainjobs"}
_POLL_SECONDS = 10.0
_OUTAGE_SECONDS = 600.0
_REQUEST_SECONDS = 30

_progress = logging.getLogger("progress")


class TrainJobError(UserError):
    """The cluster refuses the TrainJob, or it failed; the message says what to do."""


class TrainJobClient:
    """The TrainJobs of one namespace.

    Args:
        api: Kubernetes' client, set up.
        namespace: Of step and nodes.
        poll_seconds: Between two looks.
        outage_seconds: The API server may be away for so long.
    """

    def __init__(
        self,
        api: client.ApiClient,
        namespace: str,
        poll_seconds: float = _POLL_SECONDS,
        outage_seconds: float = _OUTAGE_SECONDS,
    ):
        self._api = client.CustomObjectsApi(api)
        self._namespace = namespace
        self._poll_seconds = poll_seconds
        self._outage_seconds = outage_seconds

    def is_under_way(self, name: str) -> bool:
        """Whether there is such a job that has not failed: an earlier attempt's.

        Raises:
            TrainJobError: The cluster refuses.
        """
        job = self._get(name)
        return job is not None and _ended(job) != _FAILED

    def create(self, manifests: Mapping[str, Any], name: str, arguments: list[str]) -> None:
        """Creates a job and its runtime, in place of failed ones of that name.

        Args:
            manifests: As `train_job_manifests` makes them.
            name: Of both.
            arguments: Of the nodes' program.

        Raises:
            TrainJobError: The cluster refuses.
        """
        self.remove(name)
        job = manifests["job"]
        trainer = {**job["spec"]["trainer"], "args": arguments}
        trainer["env"] = [*trainer["env"], {"name": "TRAIN_JOB_NAME", "value": name}]
        trainer["env"] += [{"name": "TRAIN_JOB_NODES", "value": str(trainer["numNodes"])}]
        reference = {**job["spec"]["runtimeRef"], "name": name}
        spec = {**job["spec"], "trainer": trainer, "runtimeRef": reference}
        for body in (manifests["runtime"], {**job, "spec": spec}):
            self._call(
                "create_namespaced_custom_object",
                body["kind"],
                body={**body, "metadata": {**body["metadata"], "name": name}},
            )

    def wait(self, name: str, look: Callable[[], None]) -> None:
        """Waits for the end of a job.

        Args:
            name: Of the job.
            look: Is called again and again meanwhile.

        Raises:
            TrainJobError: It failed or is gone, or the API server does not answer for long.
        """
        shown, answered = None, time.monotonic()
        while True:
            try:
                job = self._get(name)
            except TrainJobOutageError:
                if time.monotonic() - answered > self._outage_seconds:
                    raise
            else:
                answered = time.monotonic()
                if job is None:
                    raise TrainJobError(f"The TrainJob {name} was deleted while it was waited for.")
                if (state := _state(job)) != shown:
                    shown = state
                    _progress.info("TrainJob %s: %s", name, state)
                look()
                ended = _ended(job)
                if ended == _FAILED:
                    raise TrainJobError(
                        f"The TrainJob {name} failed: {_message(job)}\nIts nodes say why: kubectl "
                        f"logs -n {self._namespace} -l jobset.sigs.k8s.io/jobset-name={name} "
                        "--prefix. The next attempt goes on after the last epoch."
                    )
                if ended:
                    return
            time.sleep(self._poll_seconds)

    def remove(self, name: str) -> None:
        """Removes a job and its runtime, if they are there, and waits until they are gone.

        Raises:
            TrainJobError: The cluster refuses, or they do not go.
        """
        deadline = time.monotonic() + self._outage_seconds
        for kind in ("TrainJob", "TrainingRuntime"):
            while self._call(
                "delete_namespaced_custom_object", kind, name=name, propagation_policy="Foreground"
            ):
                if time.monotonic() > deadline:
                    raise TrainJobError(f"The {kind} {name} does not go; see kubectl describe.")
                time.sleep(min(self._poll_seconds, 1.0))

    def _get(self, name: str) -> dict[str, Any] | None:
        return self._call("get_namespaced_custom_object", "TrainJob", name=name)

    def _call(self, method: str, kind: str, **arguments: Any) -> Any:
        """The answer; None if there is no such object."""
        call = getattr(self._api, method)
        where = {"group": _GROUP, "version": _VERSION, "namespace": self._namespace}
        try:
            return call(
                **where, plural=_PLURALS[kind], _request_timeout=_REQUEST_SECONDS, **arguments
            )
        except ApiException as error:
            if error.status == 404 and "name" in arguments:
                return None
            raise self._explained(error, kind) from error
        except (OSError, urllib3.exceptions.HTTPError) as error:
            raise TrainJobOutageError(f"The Kubernetes API does not answer: {error}") from error

    def _explained(self, error: ApiException, kind: str) -> TrainJobError:
        said = f"{error.status} {error.reason}: {(error.body or '')[:500]}"
        if error.status in (401, 403):
            return TrainJobError(
                f"The step's service account may not use {_PLURALS[kind]} of {_GROUP} in "
                f"{self._namespace}. Give it get, create and delete on trainjobs and "
                f"trainingruntimes. ({said})"
            )
        if error.status == 404:
            return TrainJobError(
                f"This cluster has no {kind} of {_GROUP}/{_VERSION}. Install Kubeflow Trainer 2, "
                f"or leave `kubeflow.train_job` out. ({said})"
            )
        if error.status == 429 or error.status >= 500:
            return TrainJobOutageError(f"The Kubernetes API has troubles: {said}")
        return TrainJobError(f"The cluster refuses the {kind}: {said}")


class TrainJobOutageError(TrainJobError):
    """The API server does not answer; it may be well again in a moment."""


_FAILED = "Failed"


def _conditions(job: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        each for each in job.get("status", {}).get("conditions", []) if each["status"] == "True"
    ]


def _ended(job: Mapping[str, Any]) -> str | None:
    return next((c["type"] for c in _conditions(job) if c["type"] in ("Complete", _FAILED)), None)


def _state(job: Mapping[str, Any]) -> str:
    said = [condition["type"] for condition in _conditions(job)]
    for each in job.get("status", {}).get("jobsStatus", []):
        counts = (f"{each[key]} {key}" for key in ("active", "ready", "succeeded", "failed"))
        said.append(f"{each['name']}: {', '.join(counts)}")
    return "; ".join(said) or "created"


def _message(job: Mapping[str, Any]) -> str:
    return " ".join(
        f"{each.get('reason', '')}: {each.get('message', '')}"
        for each in _conditions(job)
        if each["type"] == _FAILED
    )
