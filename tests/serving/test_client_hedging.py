"""Second requests, against servers that stall or fail."""

import time

import grpc
import numpy as np
import pytest

from serving.client import (
    ClientOptions,
    DeadlineExceededError,
    Hedging,
    InvalidRequestError,
    ServerUnavailableError,
)
from serving.client.hedging import HedgeBudget
from tests.serving.scripted import called, fail, hang, version


@pytest.fixture(params=["grpc", "grpc.aio"])
def encode(request):
    """Encodes users, each in a request of its own, with one of the clients."""

    def encode(port, users, options, timeout=10):
        histories = [["x"]] * users
        return called(request.param, port, "encode", histories, options=options, timeout=timeout)

    return encode


def _options(port, after=0.05, max_attempts=1, **hedging):
    return ClientOptions(
        batch_size=1,
        max_attempts=max_attempts,
        hedging=Hedging(after=after, target=f"127.0.0.1:{port}", **hedging),
    )


def _slowly(seconds, answer):
    def slow(request, context):
        time.sleep(seconds)
        return answer(request, context)

    return slow


def _until(condition):
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_a_stalled_server_is_passed_over_and_its_call_is_cancelled(scripted, encode):
    cancelled = []

    def stall(request, context):
        answer = hang(request, context)
        cancelled.append(not context.is_active())
        return answer

    first, stalled = scripted(stall)
    second, quick = scripted(version(4))
    np.testing.assert_array_equal(encode(stalled, 3, _options(quick)), [[4, 4]] * 3)
    assert len(first.calls) == len(second.calls) == 3
    _until(lambda: cancelled == [True] * 3)


def test_a_quick_server_is_asked_once(scripted, encode):
    first, quick = scripted(version(4))
    second, other = scripted(version(5))
    np.testing.assert_array_equal(encode(quick, 20, _options(other, after=5)), [[4, 4]] * 20)
    assert (len(first.calls), len(second.calls)) == (20, 0)


def test_the_first_server_may_still_win(scripted, encode):
    first, slow = scripted(_slowly(0.3, version(4)))
    second, stalled = scripted(hang)
    np.testing.assert_array_equal(encode(slow, 1, _options(stalled)), [[4, 4]])
    assert len(first.calls) == len(second.calls) == 1


def test_without_another_target_the_same_is_asked_over_another_connection(scripted, encode):
    peers = []

    def answer(request, context):
        peers.append(context.peer())
        return (hang if len(peers) == 1 else version(4))(request, context)

    _, port = scripted(answer)
    options = ClientOptions(hedging=Hedging(after=0.05))
    np.testing.assert_array_equal(encode(port, 1, options), [[4, 4]])
    assert len(set(peers)) == 2


def test_a_server_that_is_down_is_passed_over_at_once(scripted, encode):
    first, down = scripted(fail(grpc.StatusCode.UNAVAILABLE))
    second, up = scripted(version(4))
    np.testing.assert_array_equal(encode(down, 1, _options(up, after=60)), [[4, 4]])
    assert len(first.calls) == len(second.calls) == 1


def test_an_error_that_any_server_would_give_is_not_waited_out(scripted, encode):
    _, refusing = scripted(_slowly(0.2, fail(grpc.StatusCode.INVALID_ARGUMENT)))
    _, stalled = scripted(hang)
    with pytest.raises(InvalidRequestError, match="scripted"):
        encode(refusing, 1, _options(stalled))


def test_a_second_server_that_fails_does_not_end_the_call(scripted, encode):
    _, slow = scripted(_slowly(0.4, version(4)))
    second, down = scripted(fail(grpc.StatusCode.UNAVAILABLE))
    np.testing.assert_array_equal(encode(slow, 1, _options(down)), [[4, 4]])
    assert len(second.calls) == 1


def test_where_both_fail_it_is_said(scripted, encode):
    ports = [scripted(fail(grpc.StatusCode.UNAVAILABLE))[1] for _ in range(2)]
    with pytest.raises(ServerUnavailableError, match="scripted"):
        encode(ports[0], 1, _options(ports[1]))


def test_the_deadline_is_of_both_together(scripted, encode):
    (_, first), (_, second) = scripted(hang), scripted(hang)
    start = time.monotonic()
    with pytest.raises(DeadlineExceededError):
        encode(first, 1, _options(second, after=0.3), timeout=0.6)
    assert time.monotonic() - start < 5


def test_the_budget_bounds_second_requests(scripted, encode):
    """Were it not for that, an overloaded server would get twice as much to do."""
    first, slow = scripted(_slowly(0.05, version(4)))
    second, other = scripted(hang)
    encode(slow, 40, _options(other, after=0.005, budget=0.05))
    # Ten at once, and one in twenty requests.
    assert len(first.calls) == 40
    assert 10 <= len(second.calls) <= 12


def test_what_a_budget_allows():
    budget = HedgeBudget(0.25)
    assert [budget.take() for _ in range(11)] == [True] * 10 + [False]
    for _ in range(5):
        budget.earn()
    assert [budget.take(), budget.take()] == [True, False]


@pytest.mark.parametrize("arguments", [{"after": 0}, {"after": 1, "budget": 0}])
def test_wrong_arguments(arguments):
    with pytest.raises(ValueError, match="must be"):
        Hedging(**arguments)
