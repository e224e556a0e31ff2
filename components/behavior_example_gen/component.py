"""The component, as a pipeline uses it."""

from collections.abc import Mapping
from typing import Any

from tfx.components.example_gen import component
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2

from components.behavior_example_gen import custom_config
from components.behavior_example_gen.driver import Driver
from components.behavior_example_gen.executor import Executor
from contract.tasks import clashing_tasks
from ingestion.config import IngestionConfig, Task


class BehaviorExampleGen(component.FileBasedExampleGen):
    """Turns behaviour logs, and labels, into one tf.Example a user.

    Its output `examples` has the splits `train`, `validation` and `eval`; what an example holds
    is said in `examples.py`. A file `ingestion_report.json` lies beside the splits.

    Args:
        input_base: The folder that the patterns start from; a string or a `RuntimeParameter`.
        events: File, folder or pattern of the logs: JSONL or CSV, also compressed, or Parquet.
        config: How files become examples.
        labels: File, folder or pattern of the labels, of the same formats; a row of each user with
            a column of each task.
        tasks: Name -> task; without, the examples are unlabelled, and `labels` is given only if
            its column `config.columns.split` says which user is in which split.
        fingerprint: What changes when the files do, as a channel's placeholder, where the runner
            does not look at them itself.

    Raises:
        ValueError: `tasks` is given without `labels`, `labels` without anything that is to be read
            there, or a task's name is taken.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        input_base: Any,
        events: str,
        config: IngestionConfig,
        labels: str | None = None,
        tasks: Mapping[str, Task] | None = None,
        fingerprint: Any = None,
    ):
        if bool(labels) != bool(tasks or (labels and config.columns.split)):
            raise ValueError(
                "tasks need labels, and labels need tasks or a column of splits; give both or "
                "neither"
            )
        if clashing := clashing_tasks(tasks or {}):
            raise ValueError(
                f"the names of {', '.join(clashing)}, or of their weights, are taken by other "
                "features; rename the tasks, and their columns in the label files"
            )
        splits = [example_gen_pb2.Input.Split(name="events", pattern=events)]
        if labels:
            splits.append(example_gen_pb2.Input.Split(name="labels", pattern=labels))
        super().__init__(
            input_base=input_base,
            input_config=example_gen_pb2.Input(splits=splits),
            # The default would announce splits that TFX's own executor makes.
            output_config=example_gen_pb2.Output(),
            custom_config=custom_config.pack(config, tasks or {}),
        )
        if fingerprint is not None:
            self.exec_properties["fingerprint"] = fingerprint
