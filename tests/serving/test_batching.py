"""Dynamic batching, on a model that notes what it is asked."""

import asyncio
import threading

import grpc
import numpy as np
import pytest

from serving.dev_server.batching import Batcher
from serving.dev_server.errors import StatusError, invalid_argument
from serving.dev_server.metrics import Metrics
from serving.dev_server.options import BatchingOptions


class _Model:
    """Doubles its input; runs only when it is let; refuses 13."""

    def __init__(self):
        self.runs = []
        self.gate = threading.Event()

    def run(self, name, inputs, outputs):
        self.runs.append(inputs["x"].tolist())
        self.gate.wait(20)
        if 13 in inputs["x"]:
            raise invalid_argument("13")
        return {"y": inputs["x"] * 2}


def _batcher(enabled=True, **options):
    return Batcher(BatchingOptions(num_batch_threads=1, **options), enabled, Metrics())


async def _submit(batcher, model, *values, name="encode", outputs=("y",)):
    return (await batcher.run(model, name, {"x": np.array(values)}, outputs))["y"].tolist()


def _run(model, batcher, *requests):
    """Submits the requests while the first one runs; returns their results or errors."""

    async def run():
        tasks = [asyncio.create_task(_submit(batcher, model, *requests[0]))]
        while not model.runs:
            await asyncio.sleep(0.001)
        tasks += [asyncio.create_task(_submit(batcher, model, *values)) for values in requests[1:]]
        await asyncio.sleep(0.05)
        model.gate.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(run())


def test_what_waits_is_run_as_one_batch():
    model = _Model()
    results = _run(model, _batcher(max_batch_size=4), [1], [2], [3, 4], [5], [6])
    assert results == [[2], [4], [6, 8], [10], [12]]
    assert model.runs == [[1], [2, 3, 4, 5], [6]]


def test_without_batching_every_request_is_run_alone():
    model = _Model()
    results = _run(model, _batcher(enabled=False, max_batch_size=4), [1], [2], [3], list(range(9)))
    assert results == [[2], [4], [6], [2 * value for value in range(9)]]
    assert model.runs == [[1], [2], [3], list(range(9))]


def test_one_bad_request_does_not_fail_its_neighbours():
    model = _Model()
    results = _run(model, _batcher(), [1], [2], [13], [4])
    assert results[:2] == [[2], [4]]
    assert results[3] == [8]
    assert isinstance(results[2], StatusError)
    assert results[2].message == "13"
    assert model.runs == [[1], [2, 13, 4], [2], [13], [4]]


def test_too_large_and_too_many():
    model = _Model()
    batcher = _batcher(max_batch_size=2, max_enqueued_batches=2)
    results = _run(model, batcher, [1], [2, 3], [4, 5], [6], [7, 8, 9])
    assert results[:3] == [[2], [4, 6], [8, 10]]
    assert results[3].code == grpc.StatusCode.UNAVAILABLE
    assert "queue to which this task was submitted is full" in results[3].message
    assert results[4].code == grpc.StatusCode.INVALID_ARGUMENT
    assert "Task size 3 is larger than maximum input batch size 2" in results[4].message


def test_only_alike_requests_are_put_together():
    model = _Model()

    async def run():
        batcher = _batcher()
        first = asyncio.create_task(_submit(batcher, model, 1))
        await asyncio.sleep(0.05)
        tasks = [
            asyncio.create_task(_submit(batcher, model, 2)),
            asyncio.create_task(_submit(batcher, model, 3, name="other")),
            asyncio.create_task(_submit(batcher, model, [4, 5])),
            asyncio.create_task(_submit(batcher, model, 6)),
        ]
        await asyncio.sleep(0.05)
        model.gate.set()
        return await asyncio.gather(first, *tasks)

    assert asyncio.run(run()) == [[2], [4], [6], [[8, 10]], [12]]
    assert model.runs == [[1], [2, 6], [3], [[4, 5]]]


def test_nobody_waits_any_more():
    model = _Model()

    async def run():
        batcher = _batcher(max_batch_size=2, max_enqueued_batches=1)
        first = asyncio.create_task(_submit(batcher, model, 1))
        await asyncio.sleep(0.05)
        gone = asyncio.create_task(_submit(batcher, model, 2))
        await asyncio.sleep(0.05)
        gone.cancel()
        stays = asyncio.create_task(_submit(batcher, model, 3))
        await asyncio.sleep(0.05)
        model.gate.set()
        # What was given up has left the queue.
        return await first, await stays, await _submit(batcher, model, 4, 5)

    assert asyncio.run(run()) == ([2], [6], [8, 10])
    assert model.runs == [[1], [3], [4, 5]]


@pytest.mark.parametrize(("timeout", "runs"), [(0, [[1], [2]]), (10_000_000, [[1, 2]])])
def test_a_batch_waits_for_more_only_if_it_is_told_to(timeout, runs):
    model = _Model()
    model.gate.set()

    async def run():
        batcher = Batcher(
            BatchingOptions(max_batch_size=2, batch_timeout_micros=timeout, num_batch_threads=2),
            True,
            Metrics(),
        )
        first = asyncio.create_task(_submit(batcher, model, 1))
        await asyncio.sleep(0.05)
        return await asyncio.gather(first, _submit(batcher, model, 2))

    assert asyncio.run(run()) == [[2], [4]]
    assert model.runs == runs


def test_the_timeout_ends():
    model = _Model()
    model.gate.set()
    batcher = _batcher(max_batch_size=100, batch_timeout_micros=20_000)
    assert asyncio.run(_submit(batcher, model, 1)) == [2]


def test_an_empty_request():
    model = _Model()
    model.gate.set()
    assert asyncio.run(_submit(_batcher(), model)) == []
