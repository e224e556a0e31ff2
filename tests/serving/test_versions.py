"""What counts as a version of a model."""

from serving.releases.versions import complete_versions, newest_version


def test_newest_version_is_the_highest_complete_number(tmp_path):
    assert newest_version(str(tmp_path / "missing")) is None
    for name in ("9", "10", "11", "notes"):
        (tmp_path / name).mkdir()
    assert newest_version(str(tmp_path)) is None
    for name in ("9", "10", "notes"):
        (tmp_path / name / "saved_model.pb").write_bytes(b"")
    assert newest_version(str(tmp_path)) == str(tmp_path / "10")


def test_names_that_are_no_versions(tmp_path):
    for name in ("0", "7", "007", "-3", "1e3", "\u0663", "12.bak", ".pushing-1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").write_bytes(b"")
    assert complete_versions(str(tmp_path)) == [0, 7]


def test_an_object_store_is_looked_at_through_tfx(tmp_path, monkeypatch):
    from tfx.dsl.io import fileio

    monkeypatch.setattr(fileio, "isdir", lambda path: path == "s3://bucket/shop")
    monkeypatch.setattr(fileio, "listdir", lambda path: ["1/", "2/", "notes"])
    monkeypatch.setattr(fileio, "exists", lambda path: path == "s3://bucket/shop/1/saved_model.pb")
    assert newest_version("s3://bucket/shop") == "s3://bucket/shop/1"
    assert complete_versions("s3://bucket/other") == []
