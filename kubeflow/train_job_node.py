"""A node's program in a TrainJob: a worker of the encoder's training.

    python -m kubeflow.train_job_node FOLDER

FOLDER is in a volume that all nodes and the step share, with `arguments.json` and what that names.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence

ARGUMENTS_FILE, PROGRESS_FILE = "arguments.json", "progress.log"
MODEL, LOGS = "model", "logs"

_PORT = 2222


def cluster(environment: Mapping[str, str]) -> dict | None:
    """Where the workers are and which of them this is, as `TF_CONFIG` says it.

    JobSet gives every pod a name in the DNS, and Kubernetes tells an indexed job's pod its number.

    Args:
        environment: Of this process.

    Returns:
        None for one node.
    """
    name, nodes = environment["TRAIN_JOB_NAME"], int(environment["TRAIN_JOB_NODES"])
    if nodes == 1:
        return None
    workers = [f"{name}-node-0-{index}.{name}:{_PORT}" for index in range(nodes)]
    index = int(environment["JOB_COMPLETION_INDEX"])
    return {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}


def main(arguments: Sequence[str]) -> None:
    """Trains.

    Args:
        arguments: The folder.

    Raises:
        WorkerLostError: Another node ended.
    """
    (folder,) = arguments
    # Who sets it knows better.
    config = None if "TF_CONFIG" in os.environ else cluster(os.environ)
    if config:
        os.environ["TF_CONFIG"] = json.dumps(config)
    progress = logging.getLogger("progress")
    progress.setLevel(logging.INFO)
    progress.addHandler(logging.StreamHandler())
    if int(os.environ.get("JOB_COMPLETION_INDEX", "0")) == 0:
        progress.addHandler(logging.FileHandler(os.path.join(folder, PROGRESS_FILE)))
    # After `TF_CONFIG`.
    from tfx.components.trainer.fn_args_utils import FnArgs

    from trainer.encoder.run import run_fn

    with open(os.path.join(folder, ARGUMENTS_FILE), encoding="utf-8") as file:
        given = json.load(file)
    run_fn(
        FnArgs(
            **given,
            serving_model_dir=os.path.join(folder, MODEL),
            model_run_dir=os.path.join(folder, LOGS),
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
