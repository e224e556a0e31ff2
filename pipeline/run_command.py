"""The `run` command: starts the local runner, shows its progress, says how it ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TextIO

from rich.console import Console
from rich.markup import escape

from audit.keys import KeyFileError, read_private_key, read_public_key
from contract import exit_codes
from ingestion.errors import DataError
from ingestion.files import InputFile, describe_files
from ingestion.stores import S3, StoreError, check_writable, is_stored
from pipeline.config import ConfigError, PipelineConfig, ServingConfig, load_config
from pipeline.data_check import few_users_warning
from pipeline.data_sample import files_to_look_at
from pipeline.display import RunDisplay, print_summary
from pipeline.output_folder import Claim, OutputFolder
from pipeline.processes import Processes, Terminated, sigterm_raises

_WIDTH = 100
"""Columns of the output where there is no terminal to ask."""


def run(
    config_file: str, output: str, *, data_folder: str | None = None, use_cache: bool = True
) -> int:
    """Runs a pipeline in a process of its own.

    Args:
        config_file: The pipeline's YAML file.
        output: Folder for artifacts, metadata, logs and the served model.
        data_folder: That the paths of the data count from; None: the configuration's folder.
        use_cache: Whether earlier results are used.

    Returns:
        The exit code: `exit_codes.OK` only if the newest served version is the blessed model.

    Raises:
        UsageError: If the configuration or the output folder is wrong.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    errors = Console(stderr=True)
    config = load_config(config_file, data_folder)
    files = _check_environment(config)
    with errors.status("counting users") as status:
        warning = few_users_warning(config.encoder, config.data, status.update)
    if warning:
        errors.print(f"warning: {warning}", soft_wrap=True, highlight=False, markup=False)
    folder = OutputFolder(output, config.name)
    try:
        with sigterm_raises(), folder.open() as claim:
            return _run(config, files, folder, claim, use_cache, console, errors)
    except KeyboardInterrupt as interrupt:
        return interrupted(interrupt, errors)


def interrupted(interrupt: KeyboardInterrupt, errors: Console) -> int:
    """Says that a run was ended from outside, and how it goes on.

    Args:
        interrupt: What ended it.
        errors: Where to print.

    Returns:
        The exit code.
    """
    terminated = isinstance(interrupt, Terminated)
    word = "Terminated" if terminated else "Interrupted"
    errors.print(f"{word}. The same command goes on where it stopped.")
    return exit_codes.TERMINATED if terminated else exit_codes.INTERRUPTED


def _check_environment(config: PipelineConfig) -> list[InputFile]:
    """Checks what the configuration needs of this machine, before anything is started.

    Args:
        config: The pipeline's configuration.

    Returns:
        The local input files.

    Raises:
        ConfigError: If local input files or the password's environment variable are missing.
    """
    mistakes = environment_mistakes(config)
    files: list[InputFile] = []
    try:
        files = files_to_look_at(config.data.events, config.data.labels)
    except DataError as error:
        mistakes.append(f"data: {error}")
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return files


def environment_mistakes(config: PipelineConfig) -> list[str]:
    """What the configuration needs of this machine, besides its data, and is not there."""
    paths = {}
    for kind in ("unlabelled", "labelled"):
        if path := getattr(config.data.schemas, kind):
            paths[f"data.schemas.{kind}"] = path
    paths |= {f"text.{key}": path for key, path in config.text.files().items()}
    mistakes = [
        f"{key}: no file matches {path}. Mend the path in the configuration."
        for key, path in paths.items()
        if not is_stored(path) and not os.path.isfile(path)
    ]
    mistakes += [
        f"{key}: {path} cannot be read: TensorFlow has no file system of S3. Copy it beside the "
        "configuration; of S3 are read data.events and data.labels alone."
        for key, path in paths.items()
        if path.startswith(S3)
    ]
    mistakes += _unwritable(config.serving)
    for key, read, files in (
        ("audit.signing_key", read_private_key, filter(None, [config.audit.signing_key])),
        ("audit.public_keys", read_public_key, config.audit.public_keys),
    ):
        for path in files:
            try:
                read(path)
            except KeyFileError as error:
                mistakes.append(f"{key}: {error}")
    for key, variable in (
        ("metadata.password_env", getattr(config.metadata, "password_env", None)),
        ("audit.user_key_env", config.audit.user_key_env),
    ):
        if variable and variable not in os.environ:
            mistakes.append(f"{key}: the environment variable {variable} is not set.")
    return mistakes


def _unwritable(serving: ServingConfig) -> list[str]:
    mistakes = []
    for key in ("publish_models", "publish_vectors"):
        if folder := getattr(serving, key):
            try:
                check_writable(folder)
            except StoreError as error:
                mistakes.append(f"serving.{key}: {error}")
    return mistakes


def _run(
    config: PipelineConfig,
    files: list[InputFile],
    folder: OutputFolder,
    claim: Claim,
    use_cache: bool,
    console: Console,
    errors: Console,
) -> int:
    config_file = os.path.join(claim.run_folder, "config.json")
    log = os.path.join(claim.run_folder, "run.log")
    _write(folder, config_file, config.model_dump_json(indent=2))
    _write(folder, log, "")
    console.print(
        f"Pipeline [bold]{config.name}[/], output {escape(folder.path)}",
        soft_wrap=True,
        highlight=False,
    )
    if described := describe_files(files):
        console.print(f"Reads {described}", soft_wrap=True, highlight=False, markup=False)
    summary = failure = None
    # The claim is the child's as well: no other run starts beside it, whatever becomes of this one.
    with RunDisplay(console) as display, Processes([claim.lock]) as processes:
        process, events = _start(processes, config_file, folder, log, use_cache)
        with events:
            for line in events:
                event = json.loads(line)
                if event["event"] == "summary":
                    summary = event
                if event["event"] == "failed":
                    failure = event
                display.show(event)
        returncode = processes.wait(process)

    if returncode != 0 or summary is None:
        if failure:
            errors.print(f"[red]{failure['component']} failed[/]", highlight=False)
            errors.print(failure["error"], soft_wrap=True, highlight=False, markup=False)
        else:
            errors.print(f"[red]error[/]: {_end_of(returncode)}", highlight=False)
        _print_path(errors, "log", log)
        errors.print("After mending the cause, the same command goes on where it stopped.")
        return exit_codes.FAILED

    text = json.dumps(summary, indent=2, allow_nan=False)
    _write(folder, os.path.join(claim.run_folder, "summary.json"), text)
    print_summary(console, summary)
    if summary["pushed"]:
        state = "pushed" if summary["new_version"] else "unchanged, already pushed"
        _print_path(console, "model", f"{summary['model']} ({state})")
    else:
        _print_path(console, "model", "not blessed, not pushed")
    _print_path(console, "metrics", summary["metrics"])
    _print_path(console, "audit", summary["page"])
    if not summary["signature"]:
        console.print(
            "         [red]not signed[/] (audit.signing_key): nothing shows who made it",
            highlight=False,
        )
    _print_path(console, "log", log)
    return exit_codes.OK if summary["pushed"] else exit_codes.NOT_BLESSED


CHILD_ENVIRONMENT = {
    "PYTHONUNBUFFERED": "1",
    # The log is for reading: no GPU messages.
    "TF_CPP_MIN_LOG_LEVEL": "1",
    # TensorFlow keeps the memory of one training step for the next instead of giving it back to
    # the system, which takes up to half of the time of a step (benchmarks/train_speed.py).
    "TF_CPU_ALLOCATOR_USE_BFC": "true",
}
"""Of every process that runs components; the image sets it as well."""


def _start(
    processes: Processes, config_file: str, folder: OutputFolder, log: str, use_cache: bool
) -> tuple[subprocess.Popen, TextIO]:
    """Starts the local runner; its events can be read from the file."""
    read_end, write_end = os.pipe()
    events = os.fdopen(read_end, encoding="utf-8")
    command = [sys.executable, "-m", "pipeline.local_runner"]
    command += ["--config", config_file, "--output", folder.path, "--events-fd", str(write_end)]
    command += [] if use_cache else ["--no-cache"]
    try:
        with open(log, "wb") as file:
            process = processes.start(
                command,
                inherited=[write_end],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                env={**CHILD_ENVIRONMENT, **os.environ},
            )
    finally:
        os.close(write_end)
    return process, events


def _write(folder: OutputFolder, path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise folder.unwritable(error) from error


def _print_path(console: Console, name: str, path: str) -> None:
    console.print(f"{name:8s} {path}", soft_wrap=True, highlight=False, markup=False)


def _end_of(returncode: int) -> str:
    if returncode == -signal.SIGKILL:
        return "the run was killed, perhaps for want of memory."
    if returncode < 0:
        return f"the run was ended by {signal.Signals(-returncode).name}."
    return f"the run ended with exit code {returncode}."
