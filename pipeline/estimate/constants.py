"""The measured constants, each with the command that gives it and its date."""

from __future__ import annotations

import pathlib
from functools import cache

import pydantic

FILE = pathlib.Path(__file__).with_name("constants.json")

STEPS = ("ExampleGen", "StatisticsGen", "Transform", "encoding")
"""Steps whose cost grows with users and behaviours, as `benchmarks.scale` names them."""


class _Section(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class Growth(_Section):
    """What something costs, in CPU seconds or bytes: at all, for a user, for a behaviour."""

    start: float = 0.0
    user: float = 0.0
    behavior: float = 0.0

    def at(self, users: float, behaviors: float) -> float:
        """The cost of so many users with so many behaviours together."""
        return self.start + self.user * users + self.behavior * behaviors


class Source(_Section):
    """Where constants are from: the command, its date, and what else is to be known."""

    command: str
    date: str
    note: str = ""


class Measured(_Section):
    """One constant and its source."""

    value: float
    source: Source


class Constants(_Section):
    """All that estimates are made of.

    Attributes:
        source: Of `cpu`, `bytes`, `peak_bytes` and `training_cpu`.
        cpu: CPU seconds of the steps.
        bytes: What the steps leave, and what travels when events come together by user.
        peak_bytes: Memory of one process that has imported what the steps need.
        bucket_factor: Bytes of memory for one of the logs in a bucket.
        training_cpu: CPU seconds of one user in one epoch beside the matrix products.
        training_flops: Operations of float32 in a CPU second of a training step.
        bfloat16: How many times as fast training steps are in bfloat16.
        gpu_users: Users in a second of training, on a GPU.
        request_cpu: CPU seconds of one request to the served model.
        audit_bytes: Memory of the Auditor for one evaluated user.
        audit_cpu: CPU seconds of it.
    """

    source: Source
    cpu: dict[str, Growth]
    bytes: dict[str, Growth]
    peak_bytes: float
    bucket_factor: Measured
    training_cpu: Growth
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
