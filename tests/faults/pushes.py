"""One model on its way to a serving folder, pushed by a child that may die of it."""

from __future__ import annotations

import json
import os
import pathlib

from google.protobuf import text_format
from injection import Writes, die_at


def push(folder: str, content: str, keep: int | None = None, die: int = 0) -> None:
    """Pushes a blessed model of that content from `folder/<content>` to `folder/serving/shop`.

    Args:
        folder: Of the test.
        content: Of the model.
        keep: How many versions stay.
        die: Number of the write in which this process is killed; 0: none.
    """
    from tfx.types import standard_artifacts

    from components.verifying_pusher import Executor
    from serving.releases.model_digest import MODEL_DIGEST_PROPERTY, model_digest

    model, blessing = standard_artifacts.Model(), standard_artifacts.ModelBlessing()
    pushed = standard_artifacts.PushedModel()
    base = pathlib.Path(folder, content)
    model.uri, pushed.uri = str(base), str(base / "pushed")
    files = base / "Format-Serving"
    (files / "variables").mkdir(parents=True, exist_ok=True)
    (files / "saved_model.pb").write_text(content)
    (files / "variables" / "variables.index").write_text(content * 10)
    blessing.set_int_custom_property("blessed", 1)
    blessing.set_string_custom_property(MODEL_DIGEST_PROPERTY, model_digest(str(files)))
    if die:
        Writes(os.path.join(folder, "serving"), die_at(die)).install()
    Executor().Do(
        {"model": [model], "model_blessing": [blessing]},
        {"pushed_model": [pushed]},
        {
            "serving_dir": os.path.join(folder, "serving", "shop"),
            "custom_config": json.dumps({"keep_versions": keep}),
        },
    )


def change(folder: str, name: str, arguments: tuple, die: int = 0) -> None:
    """Calls a method of `Releases`, in which this process may be killed."""
    from serving.releases.releases import Releases

    releases = Releases(os.path.join(folder, "serving", "shop"))
    if die:
        Writes(os.path.join(folder, "serving"), die_at(die)).install()
    getattr(releases, name)(*arguments)


def served(folder: str) -> tuple[list[int], dict[str, int]]:
    """The versions and labels that TF Serving reads, without the product's help."""
    from tensorflow_serving.config import model_server_config_pb2

    path = pathlib.Path(folder, "serving", "models.config")
    config = model_server_config_pb2.ModelServerConfig()
    if path.exists():
        text_format.Parse(path.read_text(), config)
    for model in config.model_config_list.config:
        return list(model.model_version_policy.specific.versions), dict(model.version_labels)
    return [], {}


def whole_versions(folder: str) -> dict[int, str]:
    """Version to content of the model, of all that TF Serving would find; each must be whole."""
    versions = {}
    base = pathlib.Path(folder, "serving", "shop")
    for path in base.iterdir() if base.is_dir() else ():
        if path.name.isdigit():
            content = (path / "saved_model.pb").read_text()
            assert (path / "variables" / "variables.index").read_text() == content * 10
            assert json.loads((path / "model_card.json").read_text())["version"] == int(path.name)
            versions[int(path.name)] = content
    numbers, labels = served(folder)
    assert {*numbers, *labels.values()} <= set(versions)
    assert set(labels.values()) <= set(numbers)
    return versions
