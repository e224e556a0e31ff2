"""The output folder: claimed by one pipeline, used by one run at a time."""

import errno
import os
import subprocess

import pytest

from pipeline.output_folder import OutputFolder, OutputFolderError


def test_every_run_has_a_folder_of_its_own(tmp_path):
    folder = OutputFolder(str(tmp_path / "out"), "shop")
    with folder.open() as first:
        pass
    with folder.open() as second:
        assert os.path.isdir(first.run_folder)
        assert first.run_folder != second.run_folder


def test_the_folder_of_another_pipeline_is_refused(tmp_path):
    with OutputFolder(str(tmp_path), "shop").open():
        pass
    with (
        pytest.raises(OutputFolderError, match="of the pipeline 'shop', not of 'news'"),
        OutputFolder(str(tmp_path), "news").open(),
    ):
        pass


@pytest.mark.parametrize("name", ["my run [1]", "a*", "a?", "a\\b"])
def test_a_path_that_tfx_takes_for_a_pattern_is_refused(tmp_path, name):
    with pytest.raises(OutputFolderError, match=r"TFX takes .* Choose an --output without"):
        OutputFolder(str(tmp_path / name), "shop")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("path", ["s3://bucket/runs", "gs://bucket/runs"])
def test_a_folder_of_a_store_is_refused_with_what_to_do_instead(path):
    with pytest.raises(OutputFolderError, match=r"of this machine: .* `serving.publish_models`"):
        OutputFolder(path, "shop")


@pytest.mark.parametrize("content", ["", '{"pipel', "[]", "{}"])
def test_a_damaged_marker_is_named(tmp_path, content):
    (tmp_path / "pipeline.json").write_text(content)
    with (
        pytest.raises(OutputFolderError, match=r"pipeline\.json is damaged, .* Write"),
        OutputFolder(str(tmp_path), "shop").open(),
    ):
        pass


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.doc").write_text("")
    with (
        pytest.raises(OutputFolderError, match="is not empty"),
        OutputFolder(str(tmp_path), "shop").open(),
    ):
        pass


def test_two_runs_at_once_are_refused(tmp_path):
    folder = OutputFolder(str(tmp_path), "shop")
    expected = pytest.raises(OutputFolderError, match="Another run is using")
    with folder.open(), expected, folder.open():
        pass


def test_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputFolderError, match="cannot be used"),
        OutputFolder(str(tmp_path / "file"), "shop").open(),
    ):
        pass


def test_errors_of_a_run_are_not_the_folders(tmp_path):
    error = FileNotFoundError(errno.ENOENT, "No such file or directory", "python9")
    with pytest.raises(FileNotFoundError) as caught, OutputFolder(str(tmp_path), "shop").open():
        raise error
    assert caught.value is error


def test_a_folder_that_lies_in_a_file_is_refused(tmp_path):
    (tmp_path / "runs").write_text("")
    (tmp_path / "pipeline.json").write_text('{"pipeline": "shop"}')
    with (
        pytest.raises(OutputFolderError, match="cannot be used as output folder: Not a directory"),
        OutputFolder(str(tmp_path), "shop").open(),
    ):
        pass


def test_the_claim_lasts_as_long_as_a_process_that_inherits_it(tmp_path):
    folder = OutputFolder(str(tmp_path), "shop")
    with folder.open() as claim:
        heir = subprocess.Popen(["sleep", "60"], pass_fds=[claim.lock])
    with pytest.raises(OutputFolderError, match="Another run is using"), folder.open():
        pass
    heir.kill()
    heir.wait()
    with folder.open():
        pass
