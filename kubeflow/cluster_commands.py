"""The `submit` and `schedule` commands: a compiled pipeline on a cluster, through `kfp.Client`."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import io
import sys
import time
import warnings
from collections.abc import Iterator, Mapping

from contract import exit_codes
from contract.errors import UsageError, UserError
from kubeflow.local import spec

_POLL_SECONDS = 10.0
_REQUEST_SECONDS = (30.0, 30.0)
"""A look at a run may take so long to connect, and so long to be answered."""

OUTAGE_SECONDS = 600.0
"""A run is waited for through outages of the server that are shorter."""

_OUTAGE_STATUSES = {429, *range(500, 600)}
"""Too many requests, and the server's own troubles."""

_ENDS = {
    "SUCCEEDED": exit_codes.OK,
    "SKIPPED": exit_codes.OK,
    "FAILED": exit_codes.FAILED,
    "CANCELED": exit_codes.FAILED,
}
"""State of an ended run -> exit code. `kfp.Client` would wait for a canceled run forever."""


class ClusterError(UserError):
    """The cluster refused or cannot be reached; the message says what to do."""


class ClusterOutageError(ClusterError):
    """The server does not answer, or has troubles of its own; it may be well again in a moment."""


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Where Kubeflow Pipelines is.

    Attributes:
        host: URL.
        namespace: Kubernetes namespace; None on single-user installations.
        token: Bearer token; None without authentication.
    """

    host: str
    namespace: str | None = None
    token: str | None = dataclasses.field(default=None, repr=False)

    def client(self):
        """A `kfp.Client`.

        Raises:
            UsageError: If the host is no URL.
            Exception: What `_explained` explains, if the server does not answer as it should.
        """
        if not self.host.startswith(("http://", "https://")):
            raise UsageError(f"--host {self.host}: a URL is needed, http://... or https://...")
        import kfp
        import kfp_server_api

        # The client itself would try for half a minute, and fill the screen with tracebacks.
        health = kfp_server_api.HealthzServiceApi(self._api())
        # Renamed between the two releases of KFP that TFX 1.16 and 1.21 take.
        (getattr(health, "get_healthz", None) or health.healthz_service_get_healthz)()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return kfp.Client(
                host=self.host,
                # Without one the client asks the server whether it has several users.
                namespace=self.namespace or "kubeflow",
                existing_token=self.token,
            )

    def look(self, run_id: str):
        """A run as it is now, a `kfp_server_api.V2beta1Run`.

        Raises:
            ClusterOutageError: If the server does not answer with the run.
            Exception: What `_explained` explains.
        """
        import kfp_server_api

        # Not `kfp.Client`, which would wait for an answer for ever.
        runs = kfp_server_api.RunServiceApi(self._api())
        # Renamed, as the health call above.
        get_run = getattr(runs, "get_run", None) or runs.run_service_get_run
        run = get_run(run_id, _request_timeout=_REQUEST_SECONDS)
        if run.run_id != run_id:
            raise ClusterOutageError(f"{self.host} does not answer as Kubeflow Pipelines does.")
        return run

    def _api(self):
        import kfp_server_api

        configuration = kfp_server_api.Configuration(host=self.url)
        if self.token:
            configuration.api_key = {"authorization": self.token}
            configuration.api_key_prefix = {"authorization": "Bearer"}
        return kfp_server_api.ApiClient(configuration)

    @property
    def url(self) -> str:
        """The host, without a slash at its end."""
        return self.host.rstrip("/")


def submit(
    cluster: Cluster,
    file: str,
    *,
    given: Mapping[str, str],
    name: str | None = None,
    experiment: str | None = None,
    service_account: str | None = None,
    wait: bool = False,
    timeout: float | None = None,
    poll_seconds: float = _POLL_SECONDS,
    outage_seconds: float = OUTAGE_SECONDS,
) -> int:
    """Starts a run.

    Args:
        cluster: where.
        file: The compiled pipeline.
        given: Parameter -> value as text; the file's defaults hold for the others.
        name: Of the run; None: the pipeline's and the time.
        experiment: That the run belongs to, made if there is none; None: the pipeline's name.
        service_account: Kubernetes service account of the steps.
        wait: Whether to wait for its end.
        timeout: Seconds to wait at most; None: forever.
        poll_seconds: Between two looks at a run that is waited for.
        outage_seconds: The server may be away for so long while a run is waited for.

    Returns:
        The exit code.

    Raises:
        UsageError: If the file, a parameter or the host is wrong.
        ClusterError: If the cluster refuses, or cannot be reached.
    """
    pipeline = spec.load(file)
    arguments = pipeline.arguments(given)
    with _explained(cluster):
        client = cluster.client()
        run = client.create_run_from_pipeline_package(
            file,
            arguments=arguments,
            run_name=name or f"{pipeline.name} {_now()}",
            experiment_name=experiment or pipeline.name,
            namespace=cluster.namespace,
            service_account=service_account,
        )
    link = f"{cluster.url}/#/runs/details/{run.run_id}"
    print(f"run      {link}")
    if not wait:
        return exit_codes.OK
    return _wait(cluster, run.run_id, link, timeout, poll_seconds, outage_seconds)


def schedule(
    cluster: Cluster,
    file: str,
    *,
    given: Mapping[str, str],
    cron: str,
    name: str | None = None,
    experiment: str | None = None,
    service_account: str | None = None,
) -> int:
    """Has a cluster run a pipeline at certain times, one run after the other, none made up for.

    Args:
        cluster: where.
        file: The compiled pipeline.
        given: Parameter -> value as text; the file's defaults hold for the others.
        cron: Six fields, seconds first.
        name: Of the recurring run; None: the pipeline's.
        experiment: That the runs belong to; None: the pipeline's name.
        service_account: Kubernetes service account of the steps.

    Returns:
        The exit code.

    Raises:
        UsageError: If the file, a parameter, the host or the times are wrong.
        ClusterError: If the cluster refuses, or cannot be reached.
    """
    if len(cron.split()) != 6:
        raise UsageError(
            f"--cron {cron!r}: six fields are needed: second, minute, hour, day of the month, "
            "month, day of the week; '0 0 3 * * 1' is Mondays at 3:00."
        )
    pipeline = spec.load(file)
    arguments = pipeline.arguments(given)
    with _explained(cluster):
        client = cluster.client()
        found = client.create_experiment(experiment or pipeline.name, namespace=cluster.namespace)
        recurring = client.create_recurring_run(
            found.experiment_id,
            name or pipeline.name,
            cron_expression=cron,
            max_concurrency=1,
            no_catchup=True,
            params=arguments,
            pipeline_package_path=file,
            service_account=service_account,
        )
    print(f"schedule {cluster.url}/#/recurringrun/details/{recurring.recurring_run_id}")
    return exit_codes.OK


def _wait(
    cluster: Cluster,
    run_id: str,
    link: str,
    timeout: float | None,
    poll_seconds: float,
    outage_seconds: float,
) -> int:
    started = answered = time.monotonic()
    shown, away = None, False
    while True:
        try:
            with _explained(cluster):
                run = cluster.look(run_id)
        except ClusterOutageError as error:
            if not away:
                away = True
                print(f"waiting  {error} The run goes on; asking again.", flush=True)
            if time.monotonic() - answered > outage_seconds:
                raise ClusterError(
                    f"{error} It has not answered for {outage_seconds / 60:.0f} minutes. The run "
                    f"itself goes on; look at it later: {link}"
                ) from error
        else:
            answered, away = time.monotonic(), False
            if run.state != shown:
                shown = run.state
                print(f"state    {shown}", flush=True)
            if run.state in _ENDS:
                if message := getattr(run.error, "message", None):
                    print(message, file=sys.stderr)
                return _ENDS[run.state]
        if timeout is not None and time.monotonic() - started > timeout:
            raise ClusterError("The run has not ended in time; it goes on. See its link.")
        time.sleep(poll_seconds)


@contextlib.contextmanager
def _explained(cluster: Cluster) -> Iterator[None]:
    """Turns what the client raises into one line, and keeps what it prints to itself."""
    import kfp_server_api
    import urllib3

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    except kfp_server_api.ApiException as error:
        if error.status in (401, 403):
            raise ClusterError(
                f"{cluster.host} refuses the token ({error.status} {error.reason}). Put a valid "
                "one into KF_PIPELINES_TOKEN, and look whether it may use --namespace."
            ) from error
        if error.status == 404:
            raise ClusterError(
                f"{cluster.host} has no Kubeflow Pipelines API (404). Is the path of the URL "
                "right, as in https://KUBEFLOW/pipeline?"
            ) from error
        body = (error.body or b"").decode() if isinstance(error.body, bytes) else error.body
        kind = ClusterOutageError if error.status in _OUTAGE_STATUSES else ClusterError
        raise kind(
            f"{cluster.host}: {error.status} {error.reason}: {(body or '')[:500]}"
        ) from error
    except urllib3.exceptions.HTTPError as error:
        raise ClusterOutageError(
            f"{cluster.host} cannot be reached: {error}. Is the port forwarded, the VPN up?"
        ) from error


def _now() -> str:
    return datetime.datetime.now().strftime("%Y-%m-%d %H-%M-%S")
