"""Labels, rollback and retention, and the commands for them."""

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.__main__ import main
from serving.releases.releases import ReleaseError, Releases


@pytest.fixture
def model_dir(tmp_path):
    folder = tmp_path / "shop"
    for number in (1, 2, 3):
        (folder / str(number)).mkdir(parents=True)
        (folder / str(number) / "saved_model.pb").write_bytes(b"")
    (folder / "4").mkdir()
    return folder


@pytest.fixture
def releases(model_dir):
    return Releases(str(model_dir))


def _state(releases):
    """Served versions and labels, as TF Serving reads them."""
    with open(releases.config_file) as file:
        config = text_format.Parse(file.read(), model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path) == ("shop", "/models/shop")
    assert model.model_platform == "tensorflow"
    return list(model.model_version_policy.specific.versions), dict(model.version_labels)


def test_the_first_version_gets_the_labels_the_next_do_not(releases):
    releases.serve(1)
    assert _state(releases) == ([1], {"stable": 1, "canary": 1})
    releases.serve(2)
    assert _state(releases) == ([1, 2], {"stable": 1, "canary": 1})
    releases.serve(3)
    assert _state(releases) == ([1, 3], {"stable": 1, "canary": 1})


def test_a_version_is_tried_made_stable_and_taken_back(releases):
    releases.serve(1)
    releases.serve(2)
    assert releases.move_label("canary", 2)
    assert _state(releases) == ([1, 2], {"stable": 1, "canary": 2})
    assert releases.move_label("stable", 2)
    assert _state(releases) == ([1, 2], {"stable": 2, "canary": 2, "previous": 1})
    # A newer version that nobody tried yet goes first.
    releases.serve(3)
    assert releases.rollback() == (2, True)
    assert _state(releases) == ([2], {"stable": 2, "canary": 2})


def test_rollback_to_the_previous_stable_version_loads_nothing(releases):
    releases.serve(1)
    releases.serve(2)
    releases.move_label("stable", 2)
    assert releases.rollback() == (1, True)
    assert _state(releases) == ([1], {"stable": 1, "canary": 1})


def test_a_label_never_points_to_what_is_not_loaded(releases):
    # TF Serving would refuse the whole configuration.
    releases.serve(3)
    assert not releases.move_label("stable", 1)
    assert _state(releases) == ([1, 3], {"stable": 3, "canary": 3})
    assert releases.move_label("stable", 1)
    assert _state(releases) == ([1, 3], {"stable": 1, "canary": 3, "previous": 3})


def test_rollback_without_a_previous_one_takes_the_older_on_disk_in_two_steps(releases):
    releases.serve(3)
    assert releases.rollback() == (2, False)
    assert _state(releases) == ([2, 3], {"stable": 3, "canary": 3})


def test_nothing_to_go_back_to(releases):
    releases.serve(1)
    with pytest.raises(ReleaseError, match="no version before 1"):
        releases.rollback()


@pytest.mark.parametrize(
    ("label", "number", "message"),
    [
        ("beta", 1, "labels are stable and canary, not beta"),
        ("stable", 7, "no version 7, only 1, 2, 3"),
        ("stable", 4, "no version 4"),
    ],
)
def test_mistakes(releases, label, number, message):
    with pytest.raises(ReleaseError, match=message):
        releases.move_label(label, number)


def test_a_broken_configuration_is_not_overwritten(releases):
    with open(releases.config_file, "w") as file:
        file.write("model_config_list {")
    with pytest.raises(ReleaseError, match="no ModelServerConfig"):
        releases.serve(1)


def test_other_models_of_the_file_are_kept(releases, model_dir):
    releases.serve(1)
    other = Releases(str(model_dir.parent / "other"))
    (model_dir.parent / "other" / "9").mkdir(parents=True)
    (model_dir.parent / "other" / "9" / "saved_model.pb").write_bytes(b"")
    other.serve(9)
    assert [version.is_served for version in releases.versions()] == [True, False, False]
    assert other.versions()[0].labels == ("stable", "canary")


def test_retention_keeps_what_is_served(releases, model_dir):
    releases.serve(1)
    assert releases.prune(1) == [2]
    assert releases.numbers() == [1, 3]
    assert sorted(path.name for path in model_dir.iterdir()) == ["1", "3", "4"]


def test_commands(releases, model_dir, capsys):
    releases.serve(2)
    assert main(["label", str(model_dir), "stable=3"]) == 0
    assert "version 3 is served now" in capsys.readouterr().out
    assert main(["label", str(model_dir), "stable=3"]) == 0
    assert "stable is version 3" in capsys.readouterr().out
    assert main(["versions", str(model_dir)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("3" in line and "yes" in line and "stable" in line for line in lines)
    assert main(["rollback", str(model_dir)]) == 0
    assert "stable is version 2" in capsys.readouterr().out
    assert main(["label", str(model_dir), "stable=9"]) == 2
    assert main(["label", str(model_dir), "stable"]) == 2
    assert main(["versions", str(model_dir / "1")]) == 2
    assert "error:" in capsys.readouterr().err
