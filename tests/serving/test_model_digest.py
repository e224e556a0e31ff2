"""The digest of a model's files."""

import shutil

import pytest

from serving.releases.model_digest import model_digest


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"index")
    return folder


def test_a_copy_has_the_same_digest(model, tmp_path):
    shutil.copytree(model, tmp_path / "copy")
    assert model_digest(str(tmp_path / "copy")) == model_digest(str(model))


def test_every_change_changes_it(model):
    digests = {model_digest(str(model))}
    (model / "saved_model.pb").write_bytes(b"grapH")
    digests.add(model_digest(str(model)))
    (model / "saved_model.pb").rename(model / "renamed.pb")
    digests.add(model_digest(str(model)))
    (model / "extra").write_bytes(b"")
    digests.add(model_digest(str(model)))
    assert len(digests) == 4


def test_a_folder_without_files_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="No model files"):
        model_digest(str(tmp_path))
