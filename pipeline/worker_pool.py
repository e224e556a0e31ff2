"""A pool of Beam workers that start at once: `python -m pipeline.worker_pool --port 50000`.

Beam's own pool starts an interpreter for every worker of every job, and each loads TensorFlow and
TFX: some ten seconds of CPU, several times in a run. Here one process loads them, and every worker
is a fork of it, which also shares the memory that they take.
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
import threading
import traceback
from concurrent import futures
from multiprocessing.process import BaseProcess

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc
from apache_beam.runners.worker.sdk_worker import SdkHarness

# Imports all components, and so all that a worker unpickles.
_PRELOADED = "pipeline.pipeline"
_STOP_SECONDS = 10
# Runners keep connections for hours, and ask more often than gRPC's servers like it.
_GRPC_OPTIONS = [("grpc.http2.max_pings_without_data", 0), ("grpc.http2.max_ping_strikes", 0)]


class WorkerPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Beam's service that starts and stops workers.

    Source: `BeamFnExternalWorkerPool` in Beam's `beam_fn_api.proto`.

    Raises:
        ImportError: What workers need cannot be imported; the reason is on standard error.
    """

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([_PRELOADED])
        # A module that fails to load is passed over there, and loaded by each worker.
        trial = self._context.Process(target=__import__, args=(_PRELOADED,))
        trial.start()
        trial.join()
        if trial.exitcode:
            raise ImportError(f"{_PRELOADED} cannot be imported: see above.")
        self._workers: dict[str, BaseProcess] = {}
        self._lock = threading.Lock()

    def StartWorker(  # noqa: N802 - Beam's name
        self, request: beam_fn_api_pb2.StartWorkerRequest, context: grpc.ServicerContext
    ) -> beam_fn_api_pb2.StartWorkerResponse:
        """Starts a worker, which ends with the job or by `StopWorker`."""
        worker = self._context.Process(
            target=_work, args=(request.control_endpoint.url, request.worker_id), daemon=True
        )
        try:
            with self._lock:
                # Workers of an engine that died end by themselves; nobody asks for their end.
                self._workers = {k: v for k, v in self._workers.items() if v.is_alive()}
                worker.start()
                self._workers[request.worker_id] = worker
        except Exception:
            return beam_fn_api_pb2.StartWorkerResponse(error=traceback.format_exc())
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(  # noqa: N802 - Beam's name
        self, request: beam_fn_api_pb2.StopWorkerRequest, context: grpc.ServicerContext
    ) -> beam_fn_api_pb2.StopWorkerResponse:
        """Stops a worker, by force if it does not end within ten seconds."""
        with self._lock:
            worker = self._workers.pop(request.worker_id, None)
        if worker:
            worker.terminate()
            worker.join(_STOP_SECONDS)
            worker.kill()
        return beam_fn_api_pb2.StopWorkerResponse()


def _work(control_endpoint: str, worker_id: str) -> None:
    SdkHarness(control_endpoint, worker_id=worker_id, data_buffer_time_limit_ms=-1).run()


def main(arguments: list[str] | None = None) -> None:
    """Serves until SIGTERM or Ctrl-C; then all workers end too."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.worker_pool", description=__doc__)
    parser.add_argument("--port", type=int, default=50000, help="default: %(default)s")
    parser.add_argument(
        "--host",
        default="localhost",
        help="address to listen at; whoever reaches it runs code here. Default: %(default)s, for "
        "the engine's process beside it.",
    )
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    server = grpc.server(futures.ThreadPoolExecutor(), options=_GRPC_OPTIONS)
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(WorkerPool(), server)
    server.add_insecure_port(f"{options.host}:{options.port}")
    server.start()
    print(f"Beam's workers: {options.host}:{options.port}", flush=True)
    try:
        server.wait_for_termination()
    except KeyboardInterrupt:
        server.stop(0)


if __name__ == "__main__":
    main()
