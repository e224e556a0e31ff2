"""What the wiring passes on; whole runs are in tests/end_to_end."""

import pytest

from pipeline.config import PipelineConfig


@pytest.fixture
def transform_settings(tmp_path):
    """Returns a function from the text section to Transform's parameters."""
    from pipeline.backend import Backend
    from pipeline.pipeline import create_pipeline

    for name in ("events.jsonl", "labels.csv"):
        (tmp_path / name).touch()

    def settings(text):
        config = PipelineConfig.model_validate(
            {
                "name": "shop",
                "data": {
                    "events": str(tmp_path / "events.jsonl"),
                    "labels": str(tmp_path / "labels.csv"),
                },
                "tasks": {"docs": {}},
                "text": text,
            }
        )
        pipeline = create_pipeline(config, Backend(pipeline_root="root", serving_dir="serving"))
        (transform,) = (node for node in pipeline.components if node.id == "Transform")
        return transform.exec_properties

    return settings


def test_other_contents_of_a_dictionary_are_other_parameters(tmp_path, transform_settings):
    path = tmp_path / "words.txt"
    text = {"language": "zh", "jieba": {"user_dictionary": str(path)}}
    path.write_text("云计算\n", encoding="utf-8")
    first = transform_settings(text)
    assert transform_settings(text) == first
    path.write_text("云计算 5\n", encoding="utf-8")
    assert transform_settings(text) != first
