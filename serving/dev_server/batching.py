"""Dynamic batching: requests that wait at the same time run as one."""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import dataclasses
import time
from collections.abc import Mapping, Sequence

import numpy as np

from serving.dev_server.errors import invalid_argument, unavailable
from serving.dev_server.metrics import Metrics
from serving.dev_server.model import LoadedModel
from serving.dev_server.options import BatchingOptions


@dataclasses.dataclass
class _Task:
    inputs: Mapping[str, np.ndarray]
    rows: int
    enqueued: float
    result: asyncio.Future


class Batcher:
    """Queues requests and runs them in threads, several in one run where they fit together.

    Only requests to the same version, signature and outputs whose inputs have the same shape but
    for the rows are put together. With a `batch_timeout_micros` of 0 a request never waits for
    others while a thread is free: batches form by themselves when all threads are busy. As in TF
    Serving's `SharedBatchScheduler`, a request larger than a batch is refused, and so is every
    request when the queue is full.

    All methods belong to one event loop.

    Args:
        options: sizes.
        enabled: Whether requests are put together; if not, sizes are not limited.
        metrics: Gets the sizes of batches and of the queue.
    """

    def __init__(self, options: BatchingOptions, enabled: bool, metrics: Metrics):
        self._options = options
        self._enabled = enabled
        self._metrics = metrics
        self._queues: dict[tuple, collections.deque[_Task]] = {}
        self._queued_rows = 0
        self._running = 0
        self._threads = concurrent.futures.ThreadPoolExecutor(
            options.num_batch_threads, thread_name_prefix="batch"
        )

    async def run(
        self,
        model: LoadedModel,
        name: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
    ) -> dict[str, np.ndarray]:
        """Runs one request, maybe together with others.

        Args:
            model: The version.
            name: Of the signature.
            inputs: Checked inputs.
            outputs: Names of the outputs.

        Returns:
            Output to the rows of this request.

        Raises:
            StatusError: INVALID_ARGUMENT if the request is too large, UNAVAILABLE if the queue is
                full, otherwise what the model raised.
        """
        rows = len(next(iter(inputs.values())))
        limit = self._options.max_batch_size
        if self._enabled and rows > limit:
            raise invalid_argument(
                f"Task size {rows} is larger than maximum input batch size {limit}"
            )
        if self._queued_rows + max(rows, 1) > limit * self._options.max_enqueued_batches:
            raise unavailable("The batch scheduling queue to which this task was submitted is full")
        shapes = tuple((key, array.shape[1:]) for key, array in inputs.items())
        key = (model, name, tuple(outputs), shapes)
        loop = asyncio.get_running_loop()
        task = _Task(inputs, rows, time.monotonic(), loop.create_future())
        self._queues.setdefault(key, collections.deque()).append(task)
        self._add_queued(max(rows, 1))
        self._dispatch()
        return await task.result

    def close(self) -> None:
        """Ends the threads; requests under way finish."""
        self._threads.shutdown(wait=True)

    def _add_queued(self, rows: int) -> None:
        self._queued_rows += rows
        self._metrics.queued_rows.set(self._queued_rows)

    def _dispatch(self) -> None:
        """Starts batches while there are threads and batches that need not wait."""
        wait = self._options.batch_timeout_micros / 1e6
        while self._queues and self._running < self._options.num_batch_threads:
            key = min(self._queues, key=lambda key: self._queues[key][0].enqueued)
            queue = self._queues[key]
            age = time.monotonic() - queue[0].enqueued
            rows = sum(task.rows for task in queue)
            if self._enabled and age < wait and rows < self._options.max_batch_size:
                asyncio.get_running_loop().call_later(wait - age, self._dispatch)
                return
            tasks = self._take(key)
            if tasks:
                self._running += 1
                future = asyncio.ensure_future(self._run_batch(key, tasks))
                future.add_done_callback(self._finished)

    def _take(self, key: tuple) -> list[_Task]:
        """Takes the oldest tasks of a queue that fit into a batch and that somebody waits for."""
        queue, rows = self._queues[key], 0
        tasks: list[_Task] = []
        while queue and (not tasks or rows + queue[0].rows <= self._options.max_batch_size):
            task = queue.popleft()
            self._add_queued(-max(task.rows, 1))
            # The client may have gone away, or its deadline passed.
            if not task.result.cancelled():
                tasks.append(task)
                rows += task.rows
            if tasks and not self._enabled:
                break
        if not queue:
            del self._queues[key]
        return tasks

    async def _run_batch(self, key: tuple, tasks: list[_Task]) -> None:
        model, name, outputs, _ = key
        loop = asyncio.get_running_loop()

        async def run(inputs):
            return await loop.run_in_executor(self._threads, model.run, name, inputs, outputs)

        self._metrics.batch_rows.observe(sum(task.rows for task in tasks))
        if len(tasks) == 1:
            await _settle(tasks[0], run(tasks[0].inputs))
            return
        try:
            arrays = await run(
                {
                    each: np.concatenate([task.inputs[each] for task in tasks])
                    for each in tasks[0].inputs
                }
            )
        except Exception:
            # One bad request must not fail its neighbours: each has its own try.
            for task in tasks:
                await _settle(task, run(task.inputs))
            return
        start = 0
        for task in tasks:
            rows = slice(start, start + task.rows)
            start += task.rows
            if not task.result.done():
                task.result.set_result({each: array[rows] for each, array in arrays.items()})

    def _finished(self, future: asyncio.Future) -> None:
        self._running -= 1
        future.result()
        self._dispatch()


async def _settle(task: _Task, run) -> None:
    """Hands the outcome of a run to the one who waits for it."""
    try:
        arrays = await run
    except Exception as error:
        if not task.result.done():
            task.result.set_exception(error)
    else:
        if not task.result.done():
            task.result.set_result(arrays)
