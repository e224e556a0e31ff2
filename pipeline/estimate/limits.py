"""What breaks first at a size."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.estimate.model import Estimate
from pipeline.estimate.size import Machine


class Limit(NamedTuple):
    """Something that may not be enough.

    Attributes:
        name: What.
        needed: How much is needed, in `unit`.
        available: How much there is.
        unit: `bytes` or `hours`.
        remedy: What to do where it is not enough.
    """

    name: str
    needed: float
    available: float
    unit: str
    remedy: str

    @property
    def share(self) -> float:
        """Of what there is, what is needed; above 1 it breaks."""
        return self.needed / self.available


def limits(found: Estimate, machine: Machine) -> list[Limit]:
    """Returns all limits, the one that breaks first at the top."""
    data = sum(found.cpu_hours.values()) / machine.cores
    every = [
        Limit(
            "memory of a worker, gathering in files",
            found.worker_bytes["files"],
            machine.memory,
            "bytes",
            "gather by a shuffle: a distributed runner (docs/beam.md)",
        ),
        Limit(
            "memory of a worker, gathering by a shuffle",
            found.worker_bytes["shuffle"],
            machine.memory,
            "bytes",
            "larger workers",
        ),
        Limit(
            "memory of the trainer",
            found.trainer_bytes,
            machine.memory,
            "bytes",
            "encoder.preset: paper, which starts from noise, or a larger machine for the trainer",
        ),
        Limit(
            "memory of the Auditor",
            found.auditor_bytes,
            machine.memory,
            "bytes",
            "labels of fewer users, or a larger machine for the Auditor",
        ),
        Limit(
            "disk of the pipeline root",
            found.disk_bytes + found.shuffle_bytes,
            machine.disk,
            "bytes",
            "a larger disk",
        ),
        Limit(
            "time of the data steps",
            data,
            machine.hours,
            "hours",
            "more workers on a distributed runner (docs/beam.md)",
        ),
        Limit(
            "time of the training on one GPU",
            found.training_gpu_hours,
            machine.hours,
            "hours",
            "fewer epochs, several GPUs (docs/kubeflow.md), or a GPU newer than the V100",
        ),
    ]
    return sorted(every, key=lambda limit: -limit.share)
