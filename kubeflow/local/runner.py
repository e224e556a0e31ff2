"""Walks the graph: what is ready runs, what depends on a failed step does not."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kubeflow.local import launcher
from kubeflow.local.cache import Cache, fingerprint
from kubeflow.local.launcher import StepError
from kubeflow.local.retries import waits
from kubeflow.local.spec import PipelineFile, Step
from pipeline.processes import Processes

RAN, CACHED, FAILED, SKIPPED = "ran", "cached", "failed", "skipped"
_GOOD = (RAN, CACHED)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a step ended.

    Attributes:
        state: `ran`, `cached`, `failed` or `skipped` (a step before it failed).
        seconds: It took.
        error: Why it failed or was skipped.
        log: Path of its log; None if it did not run.
        result: `artifacts` and `parameters`.
    """

    state: str
    seconds: float = 0.0
    error: str = ""
    log: str | None = None
    result: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Runner:
    """Runs one pipeline once.

    Args:
        pipeline: The compiled pipeline.
        arguments: Value of every parameter.
        run_root: URI of this run, for the outputs.
        store: Folder of the local copies of the object stores.
        run_folder: For logs and what passes between this and the steps.
        cache: Results of earlier runs; None computes everything anew.
        folder: Working directory of the steps.
        environment: Variables of the steps.
        report: Is called with `kind` and fields, as `pipeline.display.RunDisplay` shows them.
        inherited: File descriptors that the steps get, such as that of the run's lock.
    """

    def __init__(
        self,
        pipeline: PipelineFile,
        arguments: Mapping[str, Any],
        *,
        run_root: str,
        store: str,
        run_folder: str,
        cache: Cache | None,
        folder: str,
        environment: Mapping[str, str],
        report: Callable[..., None],
        inherited: Sequence[int] = (),
    ):
        self._pipeline = pipeline
        self._arguments = arguments
        self._run_root = run_root
        self._store = store
        self._run_folder = run_folder
        self._cache = cache
        self._folder = folder
        self._environment = environment
        self._report = report
        self._processes = Processes(inherited)
        self._ending = threading.Event()
        self.outcomes: dict[str, Outcome] = {}

    def run(self, parallel: int = 1) -> dict[str, Outcome]:
        """Runs all steps.

        Args:
            parallel: How many steps run at once at most.

        Returns:
            Name of the step -> how it ended, in the order in which they ended.
        """
        waiting = list(self._pipeline.steps)
        numbers = {step.name: number for number, step in enumerate(waiting, 1)}
        running: dict[concurrent.futures.Future, Step] = {}
        # What is raised here, an interruption for one, ends the steps, whose threads then end.
        with (
            concurrent.futures.ThreadPoolExecutor(parallel) as pool,
            self._processes,
            contextlib.ExitStack() as ending,
        ):
            ending.callback(self._ending.set)
            while waiting or running:
                for step in [s for s in waiting if s.upstream <= self.outcomes.keys()]:
                    if blocked := self._blocked_by(step):
                        waiting.remove(step)
                        self._end(step, Outcome(SKIPPED, error=f"{blocked} did not end well"))
                    elif len(running) < parallel:
                        waiting.remove(step)
                        self._report(
                            "start",
                            component=step.name,
                            number=numbers[step.name],
                            of=len(numbers),
                        )
                        running[pool.submit(self._outcome, step)] = step
                if not running:
                    continue
                ended, _ = concurrent.futures.wait(
                    running, return_when=concurrent.futures.FIRST_COMPLETED
                )
                for future in ended:
                    self._end(running.pop(future), future.result())
        return self.outcomes

    def _blocked_by(self, step: Step) -> str | None:
        strategy = step.task.get("triggerPolicy", {}).get("strategy")
        if strategy == "ALL_UPSTREAM_TASKS_COMPLETED":
            return None
        bad = (name for name in sorted(step.upstream) if self.outcomes[name].state not in _GOOD)
        return next(bad, None)

    def _end(self, step: Step, outcome: Outcome) -> None:
        self.outcomes[step.name] = outcome
        if outcome.state == FAILED:
            self._report("failed", component=step.name, error=outcome.error)
        # The cause is said once, by the step that failed.
        elif outcome.state != SKIPPED:
            self._report(
                "end",
                component=step.name,
                seconds=outcome.seconds,
                state=outcome.state,
                note=outcome.error,
            )

    def _outcome(self, step: Step) -> Outcome:
        started = time.monotonic()
        log = os.path.join(self._run_folder, f"{step.name}.log")
        try:
            state, result = self._run_step(step, log)
        except StepError as error:
            seconds = time.monotonic() - started
            existing = log if os.path.exists(log) else None
            return Outcome(FAILED, seconds, str(error), existing)
        ran = log if state == RAN else None
        return Outcome(state, time.monotonic() - started, "", ran, result)

    def _run_step(self, step: Step, log: str) -> tuple[str, Mapping[str, Any]]:
        results = {
            name: outcome.result
            for name, outcome in list(self.outcomes.items())
            if outcome.state in _GOOD
        }
        inputs = launcher.resolve_inputs(step, self._arguments, results)
        work_folder = os.path.join(self._run_folder, step.name)
        outputs = launcher.lay_out_outputs(step, self._run_root, work_folder)
        executor_input = {"inputs": inputs, "outputs": outputs}
        key = fingerprint(step, executor_input)
        cache = self._cache if step.task.get("cachingOptions", {}).get("enableCache") else None
        if cache is not None and (earlier := cache.get(key)):
            return CACHED, earlier
        result = self._execute(step, executor_input, log)
        if cache is not None:
            cache.put(key, result)
        return RAN, result

    def _execute(
        self, step: Step, executor_input: Mapping[str, Any], log: str
    ) -> Mapping[str, Any]:
        """Runs a step, again as often as its policy says; the attempts share the log."""
        further = waits(step.task.get("retryPolicy", {}))
        while True:
            try:
                return launcher.execute(
                    step,
                    executor_input,
                    store=self._store,
                    log=log,
                    folder=self._folder,
                    environment=self._environment,
                    processes=self._processes,
                )
            except StepError as error:
                wait = next(further, None)
                if wait is None or self._ending.is_set():
                    raise
                self._report(
                    "warning",
                    component=step.name,
                    text=f"{error}; tried again in {wait:g} seconds",
                )
                if self._ending.wait(wait):
                    raise
