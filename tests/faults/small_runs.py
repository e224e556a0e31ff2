"""A very small pipeline, run by children that may die in any component."""

from __future__ import annotations

import json
import os
import pathlib

import yaml
from injection import Writes, die_at

NAME = "tiny"

COMPONENTS = [
    "LabelledExampleGen",
    "UnlabelledExampleGen",
    "LabelledStatisticsGen",
    "UnlabelledStatisticsGen",
    "LabelledSchemaGen",
    "UnlabelledSchemaGen",
    "LabelledExampleValidator",
    "UnlabelledExampleValidator",
    "Transform",
    "EncoderTrainer",
    "HeadsTrainer",
    "BaselineResolver",
    "Evaluator",
    "Auditor",
    "Pusher",
]


def prepare(folder: pathlib.Path, **sections) -> pathlib.Path:
    """Writes data and configuration; returns the configuration's path."""
    from ingestion import synthetic_logs

    if not (folder / "data").exists():
        synthetic_logs.generate(folder / "data", users=150, mean_behaviors=12, seed=1)
    path = folder / "config.yaml"
    config = {
        "name": NAME,
        "data": {"events": "data/events.jsonl.gz", "labels": "data/labels.csv"},
        "tasks": {"likes_outdoor": None},
        "text": {"vocabulary_size": 300, "language": "characters"},
        "encoder": {"preset": "small", "dimension": 8, "max_epochs": 1},
        "heads": {"max_epochs": 1},
        "evaluation": {"min_auc": 0.0, "max_auc_drop": None},
    }
    path.write_text(yaml.safe_dump({**config, **sections}))
    return path


def run(folder: str, until: str = "", die: int = 0, **environment: str) -> None:
    """Runs the pipeline from `folder/config.yaml` into `folder/output`, in this process.

    What happens is in `folder/events`, one JSON object a line.

    Args:
        folder: Of the test.
        until: The last component to run; empty: all.
        die: Number of the write of that component in which this process is killed; 0: none.
        **environment: Variables.
    """
    import sys

    from pipeline import local_runner
    from pipeline.config import load_config
    from pipeline.output_folder import OutputFolder

    os.environ.update(environment)
    # What the command does with the runner's log.
    log = os.open(os.path.join(folder, "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    output = OutputFolder(os.path.join(folder, "output"), NAME)

    class Reporter(local_runner.Reporter):
        """Stops after the last component, and begins to count with it."""

        def event(self, kind, **fields):
            super().event(kind, **fields)
            if fields.get("component") == until and until:
                if kind == "start" and die:
                    Writes(output.path, die_at(die)).install()
                if kind == "end":
                    sys.stdout.flush()
                    os._exit(0)

    with open(os.path.join(folder, "events"), "w") as stream:
        reporter = Reporter(stream)
        try:
            local_runner.run(
                load_config(os.path.join(folder, "config.yaml"), None), output, True, reporter
            )
        except Exception as error:
            reporter.fail("The run", error)
            raise


def events(folder) -> list[dict]:
    """What the last run told."""
    lines = pathlib.Path(folder, "events").read_text().splitlines()
    return [json.loads(line) for line in lines]


def failure(folder) -> str:
    """Why the last run failed, as the user reads it."""
    (failed,) = (event for event in events(folder) if event["event"] == "failed")
    assert "Traceback" not in failed["error"]
    return f"{failed['component']}: {failed['error']}"


def ran(folder) -> set[str]:
    """The components that the last run executed."""
    return {event["component"] for event in events(folder) if event.get("state") == "ran"}


def check_served(folder) -> list[int]:
    """Checks that every version there is whole and was blessed; returns the served ones."""
    import ml_metadata as mlmd
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2
    from tfx.orchestration import metadata

    from serving.releases.model_digest import MODEL_DIGEST_PROPERTY, model_digest

    output = pathlib.Path(folder, "output")
    serving = output / "serving" / NAME
    digests = {
        int(path.name): model_digest(str(path))
        for path in (serving.iterdir() if serving.is_dir() else ())
        if path.name.isdigit()
    }
    if digests:
        store = mlmd.MetadataStore(
            metadata.sqlite_metadata_connection_config(str(output / "metadata.sqlite"))
        )
        blessed = {
            blessing.custom_properties[MODEL_DIGEST_PROPERTY].string_value
            for blessing in store.get_artifacts_by_type("ModelBlessing")
            if blessing.custom_properties["blessed"].int_value
        }
        assert set(digests.values()) <= blessed
    for number, digest in digests.items():
        card = json.loads((serving / str(number) / "model_card.json").read_text())
        assert (card["version"], card["digest"]) == (number, digest)
    path = output / "serving" / "models.config"
    config = model_server_config_pb2.ModelServerConfig()
    if path.exists():
        text_format.Parse(path.read_text(), config)
    served = [
        number
        for model in config.model_config_list.config
        for number in model.model_version_policy.specific.versions
    ]
    assert set(served) <= set(digests)
    return served
