"""Hedged reads of the synchronous client."""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from typing import Any, TypeAlias

from serving.client.calls import Call, Metadata, Start
from serving.client.hedging import HedgeBudget, Hedging, is_final
from serving.client.wire import Message


class HedgedStart:
    """Starts calls, and a second one for each that has no answer in time.

    One thread watches over all calls of a client, until it is closed.

    Args:
        first: Starts a call.
        second: Starts the other one.
        hedging: When it does.
    """

    def __init__(self, first: Start, second: Start, hedging: Hedging):
        self._first, self._second = first, second
        self._after = hedging.after
        self._budget = HedgeBudget(hedging.budget)
        self._watched: _Watched = queue.SimpleQueue()
        self._closed = threading.Event()
        threading.Thread(target=_watch, args=(self._watched, self._closed), daemon=True).start()

    def __call__(self, request: Message, timeout: float, metadata: Metadata) -> Call:
        """Starts a call."""
        self._budget.earn()
        call = HedgedCall(self._second, self._budget, request, timeout, metadata)
        call.send(self._first)
        self._watched.put((time.monotonic() + self._after, call))
        return call

    def close(self) -> None:
        """Sends no second request any more."""
        self._closed.set()
        self._watched.put(None)


class HedgedCall:
    """One request, which is under way once or twice.

    Args:
        second: Starts the second call.
        budget: Whether it may.
        request: The request.
        timeout: Seconds for both together.
        metadata: Of both.
    """

    def __init__(
        self,
        second: Start,
        budget: HedgeBudget,
        request: Message,
        timeout: float,
        metadata: Metadata,
    ):
        self._second, self._budget = second, budget
        self._request, self._metadata = request, metadata
        self._deadline = time.monotonic() + timeout
        # The second call belongs to the same trace, though another thread starts it.
        self._context = contextvars.copy_context()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._calls: list[Any] = []
        self._under_way = 1
        self._may_hedge = True
        self._cancelled = False
        self._answer: Any = None

    def send(self, start: Start) -> None:
        """Starts one of the two calls."""
        left = max(self._deadline - time.monotonic(), 0.001)
        call: Any = self._context.run(start, self._request, left, self._metadata)
        with self._lock:
            self._calls.append(call)
            too_late = self._cancelled or self._answer is not None
        if too_late:
            call.cancel()
        call.add_done_callback(self._end)

    def hedge(self) -> bool:
        """Sends the request again, if that is of use and the budget allows it; says whether."""
        with self._lock:
            if not self._may_hedge or not self._budget.take():
                return False
            self._may_hedge = False
            self._under_way += 1
        self.send(self._second)
        return True

    def result(self) -> Message:
        """The answer that came first, or else the last error."""
        self._ended.wait()
        return self._answer.result()

    def cancel(self) -> None:
        """Ends both calls."""
        with self._lock:
            self._may_hedge, self._cancelled = False, True
            calls = list(self._calls)
        for call in calls:
            call.cancel()

    def _end(self, call: Any) -> None:
        """Takes a call that has ended."""
        with self._lock:
            self._under_way -= 1
            if self._answer is not None or (self._under_way and not is_final(call.code())):
                return
        if not is_final(call.code()) and self.hedge():
            return
        with self._lock:
            if self._answer is not None:
                return
            self._may_hedge = False
            self._answer = call
            others = [each for each in self._calls if each is not call]
        self._ended.set()
        for each in others:
            each.cancel()


# The wait is the same for all, so that they come due in the order in which they came.
_Watched: TypeAlias = "queue.SimpleQueue[tuple[float, HedgedCall] | None]"


def _watch(calls: _Watched, closed: threading.Event) -> None:
    while (watched := calls.get()) is not None:
        due, call = watched
        if closed.wait(max(due - time.monotonic(), 0)):
            return
        call.hedge()
