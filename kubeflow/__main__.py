"""The command line: `python -m kubeflow --help`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from contract import exit_codes
from contract.command_line import CommandLine
from contract.errors import UsageError

_DESCRIPTION = """\
The pipeline of `python -m pipeline run` on Kubeflow Pipelines 2, or on Vertex AI.

From a configuration to a weekly retraining:
  1. Compile:        python -m kubeflow compile my.yaml --image REGISTRY/IMAGE:TAG \\
                         --pipeline-root s3://BUCKET/FOLDER --output pipeline.yaml
  2. Try it here:    python -m kubeflow run-locally pipeline.yaml --data logs/ --output runs/try
  3. Run it there:   python -m kubeflow submit pipeline.yaml --host https://KUBEFLOW/pipeline --wait
  4. Every week:     python -m kubeflow schedule pipeline.yaml --host https://KUBEFLOW/pipeline

docs/kubeflow.md tells what the cluster must have: the image, volumes, secrets, GPU nodes.
"""

_COMPILE_EPILOG = """\
The section `kubeflow` of the configuration says what the cluster needs to know: volumes, secrets,
resources and nodes of each step (python -m pipeline options explains them).

The file's parameters (data, serving_dir, learning rates, batch sizes, epochs) have the
configuration's values as defaults; KFP's form shows them, `submit --set` sets them.
"""

_RUN_LOCALLY_EPILOG = """\
Reads the compiled file and nothing else. Each step is its container's own command, run as a process
in this project's folder; what KFP's launcher would copy from and to the object store lies in
OUTPUT/store. Steps whose cache key is that of an earlier run are not executed; DataFingerprint,
BaselineFinder and Pusher look at what is outside of the pipeline and always are.

exit codes:
  0  every step ended well, and the blessed model is the newest in the serving folder
  1  a step failed; its log's last lines are printed, the same command resumes
  2  the command line, the file or the output folder is wrong
  3  the model was not blessed, and therefore not pushed
  130, 143  ended by Ctrl-C or SIGTERM; the same command resumes
"""

_SUBMIT_EPILOG = """\
The token is read from the environment variable KF_PIPELINES_TOKEN, never from the command line,
where other users of the machine could see it.

exit codes:
  0  the run was created; with --wait: it succeeded
  1  the server refused, cannot be reached, or (with --wait) the run failed
  2  the command line or the file is wrong
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses the command line and runs one command; returns the exit code."""
    commands = CommandLine("python -m kubeflow", _DESCRIPTION)

    compile_ = commands.add(
        "compile", _compile, "compile a configuration for a cluster", epilog=_COMPILE_EPILOG
    )
    compile_.add_argument("config", help="the pipeline's YAML file")
    compile_.add_argument("--output", required=True, help="file to write")
    compile_.add_argument("--image", help="container image of the steps, with its tag")
    compile_.add_argument("--gpu-image", help="image of the steps with GPUs (default: --image)")
    compile_.add_argument("--pipeline-root", help="s3://, gs:// or minio:// folder of artifacts")
    compile_.add_argument(
        "--target",
        choices=("kfp", "vertex"),
        default="kfp",
        help="kfp: YAML for Kubeflow Pipelines; vertex: JSON of a Vertex AI PipelineJob "
        "(default: kfp)",
    )

    local = commands.add(
        "run-locally",
        _run_locally,
        "run a compiled pipeline on this machine",
        epilog=_RUN_LOCALLY_EPILOG,
    )
    local.add_argument("pipeline", help="file that `compile` made")
    local.add_argument("--output", required=True, help="folder for everything the run makes")
    local.add_argument("--data", help="folder of the input data, for the parameter `data`")
    local.add_argument(
        "--parallel", type=int, default=1, metavar="N", help="steps at once (default: 1)"
    )
    local.add_argument("--no-cache", action="store_true", help="compute everything anew")
    _add_set(local)

    for name, run, summary in (
        ("submit", _submit, "run a compiled pipeline on a cluster"),
        ("schedule", _schedule, "have a cluster run a compiled pipeline again and again"),
    ):
        command = commands.add(name, run, summary, epilog=_SUBMIT_EPILOG)
        command.add_argument("pipeline", help="file that `compile` made")
        command.add_argument("--host", required=True, help="URL of Kubeflow Pipelines")
        command.add_argument("--namespace", help="Kubernetes namespace (multi-user Kubeflow)")
        command.add_argument("--experiment", help="(default: the pipeline's name)")
        command.add_argument(
            "--name", help="of the run (default: the pipeline's name and the time)"
        )
        command.add_argument("--service-account", help="Kubernetes service account of the steps")
        _add_set(command)
        if name == "submit":
            command.add_argument("--wait", action="store_true", help="wait for the run to end")
            command.add_argument(
                "--timeout", type=float, metavar="HOURS", help="give up waiting (default: never)"
            )
        else:
            command.add_argument(
                "--cron",
                default="0 0 3 * * 1",
                help="six fields, seconds first (default: %(default)r, Mondays at 3:00)",
            )

    return commands.main(arguments)


def _add_set(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="value of a parameter of the pipeline; may be repeated",
    )


def _given(args: argparse.Namespace) -> dict[str, str]:
    given = {}
    for pair in args.set:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise UsageError(f"--set {pair}: NAME=VALUE is needed.")
        given[name] = value
    return given


def _compile(args: argparse.Namespace) -> int:
    from kubeflow.compile_command import compile_file, load

    config = load(
        args.config,
        image=args.image,
        gpu_image=args.gpu_image,
        pipeline_root=args.pipeline_root,
    )
    compile_file(config, args.target, args.output)
    print(f"{args.output}: pipeline {config.name} for {args.target}")
    return exit_codes.OK


def _run_locally(args: argparse.Namespace) -> int:
    from kubeflow.run_locally_command import run_locally

    if args.parallel < 1:
        raise UsageError(f"--parallel {args.parallel}: at least 1 is needed.")
    return run_locally(
        args.pipeline,
        args.output,
        given=_given(args),
        data=args.data,
        parallel=args.parallel,
        use_cache=not args.no_cache,
    )


def _submit(args: argparse.Namespace) -> int:
    from kubeflow.cluster_commands import submit

    timeout = None if args.timeout is None else args.timeout * 3600
    return _on_cluster(submit, args, wait=args.wait, timeout=timeout)


def _schedule(args: argparse.Namespace) -> int:
    from kubeflow.cluster_commands import schedule

    return _on_cluster(schedule, args, cron=args.cron)


def _on_cluster(command: Callable[..., int], args: argparse.Namespace, **own: Any) -> int:
    """Calls a command with what those of a cluster have in common, and what is its own."""
    from kubeflow.cluster_commands import Cluster

    return command(
        Cluster(args.host, args.namespace, os.environ.get("KF_PIPELINES_TOKEN")),
        args.pipeline,
        given=_given(args),
        name=args.name,
        experiment=args.experiment,
        service_account=args.service_account,
        **own,
    )


if __name__ == "__main__":
    sys.exit(main())
