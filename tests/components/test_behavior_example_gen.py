"""The component in a TFX pipeline."""

import pytest

from ingestion.config import IngestionConfig, RandomCutDivision, Task
from pipeline.config import BeamConfig

TASKS = {"likes": Task(), "age": Task(classes=("old", "young"))}


def test_configuration_reaches_the_executor():
    from tfx.utils import proto_utils

    from components.behavior_example_gen import custom_config

    config = IngestionConfig(
        division=RandomCutDivision(method="random_cut", seed=7), max_behaviors=3
    )
    message = custom_config.pack(config, TASKS)
    text = proto_utils.proto_to_json(message)
    assert custom_config.unpack(text) == (config, TASKS)
    assert list(custom_config.unpack(text)[1]) == ["age", "likes"]
    assert message != custom_config.pack(config, {"age": TASKS["age"]})


def test_input_splits():
    from components.behavior_example_gen.component import BehaviorExampleGen

    component = BehaviorExampleGen("/data", "logs/*", IngestionConfig(), "labels.csv", TASKS)
    splits = component.spec.exec_properties["input_config"]
    assert '"name": "events"' in splits
    assert '"pattern": "logs/*"' in splits
    assert '"name": "labels"' in splits
    assert '"pattern": "labels.csv"' in splits


@pytest.mark.parametrize(("labels", "tasks"), [("labels.csv", None), (None, TASKS)])
def test_labels_and_tasks_go_together(labels, tasks):
    from components.behavior_example_gen.component import BehaviorExampleGen

    with pytest.raises(ValueError, match="give both or neither"):
        BehaviorExampleGen("/data", "logs/*", IngestionConfig(), labels, tasks)


@pytest.mark.slow
def test_in_a_pipeline(write, events, tmp_path):
    from tfx import v1 as tfx
    from tfx.components import StatisticsGen

    from components.behavior_example_gen.component import BehaviorExampleGen

    write("logs/a.jsonl", events(60))
    rows = [f"u{i},{i % 2},{('old', 'young')[i // 2 % 2]}\n" for i in range(60)]
    write("labels.csv", "user_id,likes,age\n" + "".join(rows))
    unlabelled = BehaviorExampleGen(str(tmp_path), "logs/*", IngestionConfig()).with_id(
        "unlabelled"
    )
    labelled = BehaviorExampleGen(
        str(tmp_path), "logs/*", IngestionConfig(), "labels.csv", TASKS
    ).with_id("labelled")
    # A consumer of TFX's own, to see that it finds and reads the splits.
    statistics = StatisticsGen(examples=labelled.outputs["examples"])
    tfx.orchestration.LocalDagRunner().run(
        tfx.dsl.Pipeline(
            pipeline_name="test",
            pipeline_root=str(tmp_path / "root"),
            components=[unlabelled, labelled, statistics],
            enable_cache=True,
            metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
                str(tmp_path / "metadata.sqlite")
            ),
            beam_pipeline_args=list(BeamConfig().args),
        )
    )
    for component in ("unlabelled", "labelled"):
        (artifact,) = (tmp_path / "root" / component / "examples").iterdir()
        assert sorted(path.name for path in artifact.iterdir()) == [
            "Split-eval",
            "Split-train",
            "Split-validation",
            "ingestion_report.json",
        ]
    (artifact,) = (tmp_path / "root" / "StatisticsGen" / "statistics").iterdir()
    assert {path.name for path in artifact.iterdir()} == {
        "Split-eval",
        "Split-train",
        "Split-validation",
    }
