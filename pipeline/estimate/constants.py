"""The measured constants, each with the command that gives it and its date."""

from __future__ import annotations

import pathlib
from functools import cache

import pydantic

FILE = pathlib.Path(__file__).with_name("constants.json")


class _Section(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class Source(_Section):
    """Where a constant is from: the command, its date, and what else is to be known."""

    command: str
    date: str
    note: str = ""


class Growth(_Section):
    """What something costs, in CPU seconds or bytes: at all, for a user, for an event."""

    start: float = 0.0
    user: float = 0.0
    event: float = 0.0
    source: Source

    def at(self, users: float, events: float) -> float:
        """The cost of so many users with so many events together."""
        return self.start + self.user * users + self.event * events


class Measured(_Section):
    """One constant and its source."""

    value: float
    source: Source


class Constants(_Section):
    """All that estimates are made of.

    Attributes:
        cpu: CPU seconds of the steps; `gathering` is a part of ExampleGen.
        bytes: What the steps leave, and what travels when events come together by user.
        worker_bytes: Memory of a worker, without what a bucket of users takes.
        bucket_event_bytes: Memory that an event of a bucket takes.
        training_flops: Operations of float32 in a CPU second of a training step.
        bfloat16: How many times as fast training steps are in bfloat16.
        gpu_users: Users in a second of training, on a GPU.
        request_cpu: CPU seconds of one request to the served model.
        audit_bytes: Memory of the Auditor for one evaluated user.
        audit_cpu: CPU seconds of it.
    """

    cpu: dict[str, Growth]
    bytes: dict[str, Growth]
    worker_bytes: Measured
    bucket_event_bytes: Measured
    training_flops: Measured
    bfloat16: Measured
    gpu_users: Measured
    request_cpu: Measured
    audit_bytes: Measured
    audit_cpu: Measured


@cache
def constants() -> Constants:
    """Reads the file beside this module."""
    return Constants.model_validate_json(FILE.read_text(encoding="utf-8"))
