"""The pool of Beam's workers; their work is in `tests/end_to_end/test_portable_beam.py`."""

import pytest

from pipeline import worker_pool


def test_a_pool_whose_workers_could_not_load_does_not_start(monkeypatch, capfd):
    monkeypatch.setattr(worker_pool, "_PRELOADED", "no_such_module")
    with pytest.raises(ImportError, match="no_such_module cannot be imported"):
        worker_pool.WorkerPool()
    assert "No module named 'no_such_module'" in capfd.readouterr().err


def test_stopping_a_worker_that_is_gone_is_no_error(monkeypatch):
    monkeypatch.setattr(worker_pool, "_PRELOADED", "json")
    request = worker_pool.beam_fn_api_pb2.StopWorkerRequest(worker_id="1")
    assert not worker_pool.WorkerPool().StopWorker(request, None).error
