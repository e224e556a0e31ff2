"""The `run-locally` command: a compiled pipeline on this machine, without a cluster."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contract import exit_codes
from contract.environment import TRAINING_BACKUPS
from contract.errors import UsageError
from ingestion.errors import DataError
from ingestion.files import match_files
from kubeflow.artifact_types import title_of
from kubeflow.local import launcher, spec
from kubeflow.local.cache import Cache
from kubeflow.local.runner import FAILED, RAN, SKIPPED, Outcome, Runner
from kubeflow.paths import PROJECT_FOLDER
from pipeline.display import RunDisplay
from pipeline.output_folder import OutputFolder
from pipeline.processes import sigterm_raises
from pipeline.run_command import CHILD_ENVIRONMENT, interrupted
from pipeline.steps import DATA_FINGERPRINT

_WIDTH = 100
_LOG_LINES = 15
_PUSHED_MODEL = "tfx.PushedModel"
_DEFAULT_ROOT = "minio://mlpipeline/v2/artifacts"
"""What KFP's own installation uses where the pipeline names none."""


def run_locally(
    file: str,
    output: str,
    *,
    given: Mapping[str, str],
    data: str | None = None,
    parallel: int = 1,
    use_cache: bool = True,
) -> int:
    """Runs a compiled pipeline.

    Args:
        file: The compiled pipeline.
        output: Folder for artifacts, logs, cache and the served model.
        given: Parameter -> value as text.
        data: Folder of the input data, in place of the parameter `data`; None: as it says.
        parallel: How many steps run at once.
        use_cache: Whether earlier results are used.

    Returns:
        The exit code, as that of `python -m pipeline run`; a pipeline that pushes nothing at all
        ends with 0 as well.

    Raises:
        UsageError: If the file, a parameter or the output folder is wrong.
    """
    pipeline = spec.load(file)
    folder = OutputFolder(output, pipeline.name)
    places = {}
    if "serving_dir" in pipeline.parameters:
        places["serving_dir"] = folder.serving_dir
    if data is not None:
        if "data" not in pipeline.parameters:
            raise UsageError(f"{file} has no parameter `data`; --data is of no use to it.")
        if not os.path.isdir(data):
            raise UsageError(f"--data: there is no folder {data}.")
        places["data"] = os.path.abspath(data)
    arguments = pipeline.arguments({**places, **given})
    if "data" in arguments and "://" not in arguments["data"]:
        _check_data(pipeline, arguments["data"])
    root = launcher.check_root(pipeline.root or _DEFAULT_ROOT)
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    try:
        with sigterm_raises(), folder.open() as claim:
            run_folder = claim.run_folder
            store = os.path.join(folder.path, "store")
            cache_file = os.path.join(folder.path, "kubeflow_cache.json")
            console.print(
                f"Compiled pipeline [bold]{pipeline.name}[/], output {escape(folder.path)}",
                soft_wrap=True,
                highlight=False,
            )
            with RunDisplay(console) as display:
                runner = Runner(
                    pipeline,
                    arguments,
                    run_root=f"{root}/{pipeline.name}/{os.path.basename(run_folder)}",
                    store=store,
                    run_folder=run_folder,
                    cache=Cache(cache_file, store) if use_cache else None,
                    folder=PROJECT_FOLDER,
                    environment={
                        **CHILD_ENVIRONMENT,
                        # Of folders that only a container has.
                        "TMPDIR": tempfile.gettempdir(),
                        TRAINING_BACKUPS: os.path.join(folder.path, "checkpoints"),
                        "PYTHONPATH": os.pathsep.join(
                            filter(None, [PROJECT_FOLDER, os.environ.get("PYTHONPATH")])
                        ),
                    },
                    report=lambda kind, **fields: display.show({"event": kind, **fields}),
                    inherited=[claim.lock],
                )
                outcomes = runner.run(parallel)
            _write_summary(os.path.join(run_folder, "summary.json"), outcomes)
            return _report(console, outcomes, run_folder)
    except KeyboardInterrupt as interrupt:
        return interrupted(interrupt, Console(stderr=True))


def _check_data(pipeline: spec.PipelineFile, data: str) -> None:
    """Sees that a folder holds what the compiled pipeline looks for in it.

    Raises:
        UsageError: It does not; the message says what is looked for, and in which folder it is.
    """
    wanted = _input_files(pipeline)
    try:
        match_files({kind: os.path.join(data, path) for kind, path in wanted.items()})
    except DataError as error:
        parent = os.path.dirname(os.path.abspath(data))
        hint = ""
        with contextlib.suppress(DataError):
            match_files({kind: os.path.join(parent, path) for kind, path in wanted.items()})
            hint = f" Here that is --data {parent}"
        raise UsageError(
            f"--data {data}: {error}\n--data is the folder that holds "
            f"{' and '.join(wanted.values())}.{hint}"
        ) from error


def _input_files(pipeline: spec.PipelineFile) -> dict[str, str]:
    """What the pipeline reads, by kind, relative to its parameter `data`."""
    for step in pipeline.steps:
        if step.name == DATA_FINGERPRINT:
            value = step.task["inputs"]["parameters"]["patterns"]["runtimeValue"]["constant"]
            patterns: dict[str, str] = json.loads(value)
            return patterns
    return {}


def _write_summary(path: str, outcomes: Mapping[str, Outcome]) -> None:
    summary = {
        name: {"state": o.state, "seconds": o.seconds, "error": o.error, **o.result}
        for name, o in outcomes.items()
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(summary, file, indent=2)


def _report(console: Console, outcomes: Mapping[str, Outcome], run_folder: str) -> int:
    failed = {name: outcome for name, outcome in outcomes.items() if outcome.state == FAILED}
    for name, outcome in failed.items():
        console.print(f"[red]{name} failed[/]: {escape(outcome.error)}", highlight=False)
        if outcome.log:
            for line in _last_lines(outcome.log):
                console.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)
            console.print(f"log      {outcome.log}", soft_wrap=True, highlight=False, markup=False)
    table = Table(title="Steps", title_justify="left")
    for column in ("step", "state"):
        table.add_column(column)
    table.add_column("seconds", justify="right")
    for name, outcome in outcomes.items():
        seconds = f"{outcome.seconds:.1f}" if outcome.state in (RAN, FAILED) else ""
        table.add_row(name, outcome.state, seconds)
    console.print(table)
    console.print(f"logs     {run_folder}", soft_wrap=True, highlight=False, markup=False)
    if failed:
        skipped = [name for name, outcome in outcomes.items() if outcome.state == SKIPPED]
        if skipped:
            console.print(f"not run  {', '.join(skipped)}", soft_wrap=True, highlight=False)
        return exit_codes.FAILED
    pushes = [
        artifact.get("metadata", {})
        for outcome in outcomes.values()
        for artifact in outcome.result.get("artifacts", {}).values()
        if title_of(artifact["type"]) == _PUSHED_MODEL
    ]
    if not pushes:
        return exit_codes.OK
    if all(push.get("pushed") for push in pushes):
        for push in pushes:
            console.print(
                f"model    {push['pushed_destination']}",
                soft_wrap=True,
                highlight=False,
                markup=False,
            )
        return exit_codes.OK
    console.print("model    not blessed, not pushed", highlight=False)
    return exit_codes.NOT_BLESSED


def _last_lines(path: str) -> list[str]:
    with open(path, encoding="utf-8", errors="replace") as file:
        return [line.rstrip() for line in file if line.strip()][-_LOG_LINES:]
