"""Hedged reads of the client for asyncio."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc

from serving.client.aio_calls import AioStart
from serving.client.calls import Metadata
from serving.client.hedging import HedgeBudget, Hedging, is_final
from serving.client.wire import Message


class AioHedgedStart:
    """As `HedgedStart`, in the event loop.

    Args:
        first: Starts a call.
        second: Starts the other one.
        hedging: When it does.
    """

    def __init__(self, first: AioStart, second: AioStart, hedging: Hedging):
        self._first, self._second = first, second
        self._after = hedging.after
        self._budget = HedgeBudget(hedging.budget)

    def __call__(
        self, request: Message, timeout: float, metadata: Metadata
    ) -> asyncio.Future[Message]:
        """Starts a call."""
        self._budget.earn()
        return asyncio.ensure_future(self._answer(request, timeout, metadata))

    async def _answer(self, request: Message, timeout: float, metadata: Metadata) -> Message:
        """The answer that came first, or else the last error."""
        deadline = time.monotonic() + timeout
        first = asyncio.ensure_future(self._first(request, timeout, metadata))
        calls: list[asyncio.Future[Any]] = [first]
        try:
            await asyncio.wait(calls, timeout=self._after)
            if not _is_final(first) and self._budget.take():
                left = max(deadline - time.monotonic(), 0.001)
                calls.append(asyncio.ensure_future(self._second(request, left, metadata)))
            under_way = set(calls)
            while under_way:
                ended, under_way = await asyncio.wait(
                    under_way, return_when=asyncio.FIRST_COMPLETED
                )
                last = max(ended, key=_is_final)
                if _is_final(last):
                    break
            return last.result()
        finally:
            for call in calls:
                call.cancel()
                # Of an error that nobody waits for asyncio would complain.
                call.add_done_callback(lambda call: call.cancelled() or call.exception())


def _is_final(call: asyncio.Future[Any]) -> bool:
    """Whether a call has ended with what the other one would say as well."""
    if not call.done():
        return False
    error = None if call.cancelled() else call.exception()
    return not isinstance(error, grpc.RpcError) or is_final(error.code())
