"""The encoder's training in the hands of Kubeflow Trainer: what the step does in its place."""

from __future__ import annotations

import glob
import json
import os
import shutil
from collections.abc import Callable, Sequence

from tfx.components.trainer.fn_args_utils import FnArgs

from contract.environment import TRAIN_JOB, TRAINING_BACKUPS
from kubeflow.train_job_client import TrainJobClient
from kubeflow.train_job_node import ARGUMENTS_FILE, LOGS, MODEL, PROGRESS_FILE
from trainer.encoder.run import training_key

_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"


def run_fn(fn_args: FnArgs) -> None:
    """TFX's entry point, in place of `trainer.encoder.run.run_fn`.

    Puts what is trained on into the shared volume, creates the TrainJob, or finds that of an
    attempt whose pod was killed, waits for it, and takes the model.

    Args:
        fn_args: As the encoder's own `run_fn` takes them.

    Raises:
        TrainJobError: The cluster refuses the job, or it failed.
    """
    from kubernetes import client, config

    config.load_incluster_config()
    with open(_ACCOUNT, encoding="utf-8") as file:
        namespace = file.read().strip()
    train(fn_args, TrainJobClient(client.ApiClient(), namespace))


def train(fn_args: FnArgs, jobs: TrainJobClient) -> None:
    """The same, on a cluster that is known.

    Args:
        fn_args: As the encoder's own `run_fn` takes them.
        jobs: The cluster.

    Raises:
        TrainJobError: The cluster refuses the job, or it failed.
    """
    manifests = json.loads(os.environ[TRAIN_JOB])
    name = f"encoder-{training_key(fn_args)}"
    folder = os.path.join(os.environ[TRAINING_BACKUPS], name)
    staged = os.path.exists(os.path.join(folder, ARGUMENTS_FILE))
    if not (staged and jobs.is_under_way(name)):
        _stage(fn_args, folder)
        jobs.create(manifests, name, [folder])
    jobs.wait(name, _forwarded(os.path.join(folder, PROGRESS_FILE)))
    for source, target in ((MODEL, fn_args.serving_model_dir), (LOGS, fn_args.model_run_dir)):
        shutil.copytree(os.path.join(folder, source), target, dirs_exist_ok=True)
    jobs.remove(name)
    shutil.rmtree(folder)


def _stage(fn_args: FnArgs, folder: str) -> None:
    """Copies what the nodes read: they have the volume, and not the launcher's paths."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    graph = os.path.join(folder, "transform_graph")
    shutil.copytree(fn_args.transform_output, graph)
    arguments = {
        "train_files": _copied(fn_args.train_files, os.path.join(folder, "train")),
        "eval_files": _copied(fn_args.eval_files, os.path.join(folder, "eval")),
        "transform_output": graph,
        "custom_config": fn_args.custom_config,
    }
    # Last: it says that all is there.
    with open(os.path.join(folder, ARGUMENTS_FILE), "w", encoding="utf-8") as file:
        json.dump(arguments, file)


def _copied(patterns: Sequence[str], folder: str) -> list[str]:
    os.makedirs(folder)
    for number, pattern in enumerate(patterns):
        for path in sorted(glob.glob(pattern)):
            shutil.copyfile(path, os.path.join(folder, f"{number}-{os.path.basename(path)}"))
    return [os.path.join(folder, "*")]


def _forwarded(path: str) -> Callable[[], None]:
    """A function that prints what the first node has added to its progress since the last call."""
    seen = 0

    def look() -> None:
        nonlocal seen
        if not os.path.exists(path):
            return
        with open(path, encoding="utf-8", errors="replace") as file:
            file.seek(seen)
            print(file.read(), end="", flush=True)
            seen = file.tell()

    return look
