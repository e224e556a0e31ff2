"""Runs the pipeline on this machine, one component after the other.

It is a process of its own, started by `pipeline.run_command`: TensorFlow and its warnings stay
away from the terminal. What the user should see goes through a pipe as one JSON object a line,
the events of `Reporter`.
"""

from __future__ import annotations

import argparse
import datetime
import errno
import json
import logging
import os
import re
import sys
import time
from typing import Any, TextIO

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.dsl.compiler.compiler import Compiler
from tfx.dsl.io import fileio
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.orchestration.portable.beam_executor_operator import BeamExecutorOperator
from tfx.proto.orchestration import pipeline_pb2
from tfx.proto.orchestration.executable_spec_pb2 import BeamExecutableSpec

from audit.page.page import PAGE_FILE
from audit.record import read_record
from contract import exit_codes
from contract.errors import UserError
from ingestion.report import REPORT_FILE, WARNINGS
from pipeline.backend import Backend
from pipeline.config import PipelineConfig
from pipeline.intact import damaged, discard, seal
from pipeline.metadata_store import connection_config, open_store
from pipeline.output_folder import OutputFolder
from pipeline.pipeline import AUDITOR, EVALUATOR, LABELLED_EXAMPLES, PUSHER, create_pipeline
from pipeline.summary import summarize
from serving.releases.model_digest import MODEL_DIGEST_PROPERTY, model_digest
from serving.releases.versions import newest_version

_FULL = (
    "The disk is full, or takes no more files (`df -i` tells). Free some space, or choose an "
    "--output on another disk, and run again."
)
_NO_JOURNAL = "unable to open database file"
"""What SQLite says, once it is open, where it cannot make a file beside its own."""

_WORKER_GONE = "Channel closed prematurely"
"""All that Beam says when the process of a worker is gone."""

_WHILE_RUNNING = " [while running "
"""Begins what Beam adds to the message of an exception."""


_OUTPUTS = (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.INTERNAL_OUTPUT)
"""Of a component that made something, and of a resolver that found something."""


class Reporter(logging.Handler):
    """Writes events for the user; as a log handler it passes on the logger `progress`.

    Events: `start` and `end` of a component (`state`: ran, cached, resolved or skipped; sometimes
    a `note`), `progress` (text), `warning` (component, text), `failed` (component, error),
    `summary`.
    """

    def __init__(self, stream: TextIO):
        super().__init__()
        self._stream = stream
        self._failed = False

    def event(self, kind: str, **fields: Any) -> None:
        """Writes one event, a JSON object of its `kind` and `fields`, as a line."""
        print(json.dumps({"event": kind, **fields}, allow_nan=False), file=self._stream, flush=True)

    def fail(self, component: str, error: Exception) -> None:
        """Says why a component failed, or the run itself; of one failure only the first word."""
        if not self._failed:
            self.event("failed", component=component, error=_explain(error))
        self._failed = True

    def emit(self, record: logging.LogRecord) -> None:
        """See base class."""
        self.event("progress", text=record.getMessage())


def run(config: PipelineConfig, output: OutputFolder, use_cache: bool, reporter: Reporter) -> None:
    """Runs every component that has no result yet, and reports.

    Args:
        config: The pipeline's configuration.
        output: Where everything goes.
        use_cache: Whether earlier results are used.
        reporter: Is told what happens.

    Raises:
        Exception: Whatever a component raises; it has been reported.
    """
    connection = connection_config(config.metadata, output)
    store = open_store(connection, output)
    ir = Compiler().compile(
        create_pipeline(
            config,
            Backend(
                pipeline_root=output.pipeline_root,
                serving_dir=output.serving_dir,
                metadata_connection_config=connection,
            ),
        )
    )
    runtime_parameter_utils.substitute_runtime_parameter(
        ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: datetime.datetime.now().isoformat()}
    )
    deployment = runner_utils.extract_local_deployment_config(ir)
    served_before = newest_version(output.serving_dir)
    results: dict[str, Result] = {}
    for index, node in enumerate(ir.nodes):
        node = node.pipeline_node
        name = node.node_info.id
        # An earlier push of the blessed model may have been removed or followed by another.
        is_stale = name == PUSHER and not _is_served(results[EVALUATOR], output.serving_dir)
        node.execution_options.caching_options.enable_cache = use_cache and not is_stale
        started = time.monotonic()
        reporter.event("start", component=name, number=index + 1, of=len(ir.nodes))
        try:
            result = _launch(ir, node, deployment, connection, store)
            if bad := damaged(result.artifacts):
                for artifact in bad:
                    reporter.event(
                        "warning",
                        component=name,
                        text=f"{artifact.uri} is not what an earlier run left there; not used",
                    )
                discard(store, result.artifacts, result.executions)
                # Other results of earlier runs may be damaged too: what is made now is not.
                node.execution_options.caching_options.enable_cache = False
                result = _launch(ir, node, deployment, connection, store)
            seal(store, result.artifacts)
            results[name] = result
        except Exception as error:
            reporter.fail(name, error)
            raise
        state, note = _state(results[name], deployment, name), None
        if name == PUSHER:
            state, note = _push(state, results[name], served_before)
        reporter.event(
            "end",
            component=name,
            seconds=time.monotonic() - started,
            state=state,
            **({} if note is None else {"note": note}),
        )
    summary = summarize(config, results[EVALUATOR], results[PUSHER], served_before)
    (audit,) = results[AUDITOR].artifacts
    summary["audit"] = audit.uri
    record = read_record(audit.uri)
    summary["signature"] = record["signature"]
    summary["compatibility"] = record.get("compatibility")
    summary["page"] = os.path.join(audit.uri, PAGE_FILE)
    summary[WARNINGS] = _warnings(results[LABELLED_EXAMPLES])
    reporter.event("summary", **summary)


class Result:
    """What one component left in ML Metadata.

    Attributes:
        executions: The component's, in this run.
        cached: Whether the result of an earlier run was used.
        artifacts: The output artifacts.
    """

    def __init__(self, store: mlmd.MetadataStore, execution_id: int | None):
        self.executions = store.get_executions_by_id([execution_id] if execution_id else [])
        self.cached = all(
            execution.last_known_state == metadata_store_pb2.Execution.CACHED
            for execution in self.executions
        )
        outputs = [
            event.artifact_id
            for event in store.get_events_by_execution_ids([e.id for e in self.executions])
            if event.type in _OUTPUTS
        ]
        self.artifacts = store.get_artifacts_by_id(outputs)


def _launch(
    ir: pipeline_pb2.Pipeline,
    node: pipeline_pb2.PipelineNode,
    deployment,
    connection: metadata_store_pb2.ConnectionConfig,
    store: mlmd.MetadataStore,
) -> Result:
    name = node.node_info.id
    executor_spec = runner_utils.extract_executor_spec(deployment, name)
    execution = launcher.Launcher(
        pipeline_node=node,
        mlmd_connection=metadata.Metadata(connection),
        pipeline_info=ir.pipeline_info,
        pipeline_runtime_spec=ir.runtime_spec,
        executor_spec=_without_beam_args(executor_spec),
        custom_executor_operators={
            BeamExecutableSpec: lambda **_: BeamExecutorOperator(executor_spec)
        },
        custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, name),
    ).launch()
    return Result(store, execution.execution_id if execution else None)


def _without_beam_args(executor_spec):
    """What the cache's key is made of: where Beam runs does not change what it computes."""
    if not isinstance(executor_spec, BeamExecutableSpec):
        return executor_spec
    key = BeamExecutableSpec()
    key.CopyFrom(executor_spec)
    key.ClearField("beam_pipeline_args")
    key.ClearField("beam_pipeline_args_placeholders")
    return key


def _state(result: Result, deployment, name: str) -> str:
    """`resolved` (looked up in ML Metadata, nothing executed), `cached` or `ran`."""
    if runner_utils.extract_executor_spec(deployment, name) is None:
        return "resolved"
    return "cached" if result.cached else "ran"


def _warnings(examples: Result) -> list[str]:
    """What the ingestion warns of, of an earlier run too whose examples are used."""
    (artifact,) = examples.artifacts
    with fileio.open(os.path.join(artifact.uri, REPORT_FILE)) as file:
        warnings: list[str] = json.load(file)[WARNINGS]
    return warnings


def _push(state: str, result: Result, served_before: str | None) -> tuple[str, str | None]:
    """State and note of the Pusher, which ends well as well where it has nothing to push."""
    (model,) = result.artifacts
    if model.custom_properties["pushed"].int_value != 1:
        return "skipped", "nothing pushed: the model was not blessed"
    destination = model.custom_properties["pushed_destination"].string_value
    if state == "cached":
        return state, None
    if destination == served_before:
        return "skipped", "nothing pushed: this model is the newest version already"
    return state, f"pushed as version {os.path.basename(destination)}"


def _is_served(evaluation: Result, serving_dir: str) -> bool:
    """Whether the newest version is the model that was blessed, if one was."""
    (blessing,) = (a for a in evaluation.artifacts if a.type == "ModelBlessing")
    if not blessing.custom_properties["blessed"].int_value:
        return True
    newest = newest_version(serving_dir)
    digest = blessing.custom_properties[MODEL_DIGEST_PROPERTY].string_value
    return newest is not None and model_digest(newest) == digest


def _explain(error: BaseException) -> str:
    """What the user should read of an exception; the log has all of it."""
    full = (os.strerror(errno.ENOSPC), "database or disk is full")
    if getattr(error, "errno", None) == errno.ENOSPC or any(words in str(error) for words in full):
        return _FULL
    if isinstance(error, UserError):
        return str(error).partition(_WHILE_RUNNING)[0]
    message = str(error).strip() or repr(error)
    if _NO_JOURNAL in message:
        return _FULL
    if said := _said_by_a_worker(message):
        return said
    if _WORKER_GONE in message:
        return (
            f"A worker of Beam ended before its work was done ({_WORKER_GONE}), perhaps killed for "
            "want of memory. Give the workers more memory, or have fewer of them at once "
            "(`beam.args`), and run again."
        )
    return f"{type(error).__name__}: {message[-2000:]}"


def _said_by_a_worker(message: str) -> str | None:
    """The message of a `UserError` of a Beam worker, whose traceback is all that Beam hands on."""
    kinds = [UserError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    names = "|".join(re.escape(f"{kind.__module__}.{kind.__qualname__}") for kind in kinds)
    found = re.search(
        rf"(?:{names}): (.+?)(?:{re.escape(_WHILE_RUNNING)}|\n\n|\Z)", message, re.DOTALL
    )
    return found.group(1).strip() if found else None


def main() -> None:
    """Runs the pipeline in this process, as its command line says; events go to a pipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="validated configuration, JSON")
    parser.add_argument("--output", required=True)
    parser.add_argument("--events-fd", required=True, type=int)
    parser.add_argument("--no-cache", action="store_true")
    args = parser.parse_args()
    with open(args.config, encoding="utf-8") as file:
        config = PipelineConfig.model_validate_json(file.read())
    logging.getLogger().setLevel(logging.INFO)
    with os.fdopen(args.events_fd, "w", encoding="utf-8") as stream:
        reporter = Reporter(stream)
        logging.getLogger("progress").addHandler(reporter)
        try:
            run(config, OutputFolder(args.output, config.name), not args.no_cache, reporter)
        except Exception as error:
            reporter.fail("The run", error)
            logging.exception("The run failed.")
            sys.exit(exit_codes.FAILED)


if __name__ == "__main__":
    main()
