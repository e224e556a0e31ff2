"""Which files a path, folder or pattern means."""

import os

import pytest
from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.localfilesystem import LocalFileSystem

from ingestion.errors import DataError
from ingestion.files import content_hash, describe_files, fingerprint_of, match_files

_TREE = (
    "logs/a.jsonl",
    "logs/b.csv.gz",
    "logs/_SUCCESS",
    "logs/.a.jsonl.crc",
    "logs/a.jsonl.crc",
    "logs/_temporary/0/part.jsonl",
    "logs/_delta_log/0.json",
    "logs/.ipynb_checkpoints/a.jsonl",
    "logs/date=2024-01-01/part-0.jsonl",
    "logs/date=2024-01-02/hour=1/part-0.jsonl",
    "logs/old [1]/c.jsonl",
    "logs/old 1/d.jsonl",
)
_ALL = [
    "a.jsonl",
    "b.csv.gz",
    "date=2024-01-01/part-0.jsonl",
    "date=2024-01-02/hour=1/part-0.jsonl",
    "old 1/d.jsonl",
    "old [1]/c.jsonl",
]


class _Store(LocalFileSystem):
    """A store of objects: a list of names without folders, and `exists` of objects alone."""

    root = ""

    @classmethod
    def scheme(cls):
        return "store"

    def has_dirs(self):
        return False

    def _path(self, uri):
        return uri.replace("store://bucket", self.root, 1)

    def _list(self, prefix):
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = os.path.join(folder, name)
                uri = path.replace(self.root, "store://bucket", 1)
                if uri.startswith(prefix):
                    yield FileMetadata(uri, os.path.getsize(path), os.path.getmtime(path))

    def exists(self, uri):
        return os.path.isfile(self._path(uri))

    def metadata(self, uri):
        path = self._path(uri)
        return FileMetadata(uri, os.path.getsize(path), os.path.getmtime(path))

    def checksum(self, uri):
        return "crc"


@pytest.fixture(params=["disk", "store"])
def tree(request, write, tmp_path, monkeypatch):
    """Files on this machine, and the same in a store; where they begin."""
    for name in _TREE:
        write(name, "x")
    monkeypatch.setattr(_Store, "root", str(tmp_path))
    return str(tmp_path) if request.param == "disk" else "store://bucket"


def names(pattern, base):
    return [f.path.removeprefix(f"{base}/logs/") for f in match_files({"events": pattern})]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("logs", _ALL),
        ("logs/", _ALL),
        ("logs/*", _ALL),
        ("logs/**", _ALL),
        ("log?", _ALL),
        ("logs/*.jsonl", ["a.jsonl"]),
        ("logs/**.jsonl", [name for name in _ALL if name != "b.csv.gz"]),
        ("logs/**/*.jsonl", [name for name in _ALL if name != "b.csv.gz"]),
        ("logs/**/part-0.jsonl", _ALL[2:4]),
        ("logs/date=*", _ALL[2:4]),
        ("logs/date=*/*.jsonl", _ALL[2:3]),
        ("logs/date=2024-01-0[13]", _ALL[2:3]),
        ("**/hour=1", _ALL[3:4]),
        # What exists as it is written is meant, and not the folder "old 1".
        ("logs/old [1]", ["old [1]/c.jsonl"]),
        ("logs/old [1]/*.jsonl", ["old [1]/c.jsonl"]),
        ("logs/old [1]/c.jsonl", ["old [1]/c.jsonl"]),
        ("logs/old [12]/*", ["old 1/d.jsonl"]),
        # A hidden name is read where it is named.
        ("logs/_delta_log", ["_delta_log/0.json"]),
        ("logs/_delta_log/0.json", ["_delta_log/0.json"]),
        ("logs/_t*/**", ["_temporary/0/part.jsonl"]),
    ],
)
def test_patterns(tree, pattern, expected):
    assert names(f"{tree}/{pattern}", tree) == expected


@pytest.mark.parametrize("name", ["log[1].jsonl", "a{b}.jsonl", "a?.jsonl", "a*.jsonl", "a b.csv"])
def test_a_file_is_found_by_its_name_whatever_its_characters(write, tmp_path, name):
    path = write(name, "x")
    write("log1.jsonl", "x")
    write("ab.jsonl", "x")
    assert [file.path for file in match_files({"events": path})] == [path]


def test_files_are_ordered_by_kind_and_path(write, tmp_path):
    for name in ("logs/b.jsonl", "logs/a.csv", "labels.csv"):
        write(name, "x")
    files = match_files({"events": f"{tmp_path}/logs", "labels": f"{tmp_path}/labels.csv"})
    assert [(f.index, f.kind, f.path.removeprefix(str(tmp_path)), f.size) for f in files] == [
        (0, "events", "/logs/a.csv", 1),
        (1, "events", "/logs/b.jsonl", 1),
        (2, "labels", "/labels.csv", 1),
    ]
    assert describe_files(files) == "2 files of events (2 bytes), 1 file of labels (1 bytes)"


def test_links(write, tmp_path):
    write("elsewhere/a.jsonl", "x")
    write("logs/b.jsonl", "x")
    (tmp_path / "logs/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "logs/up").symlink_to(tmp_path / "logs")
    # Other names of files that are there already.
    (tmp_path / "logs/c.jsonl").hardlink_to(tmp_path / "logs/b.jsonl")
    (tmp_path / "logs/d.jsonl").symlink_to(tmp_path / "logs/b.jsonl")
    for pattern in ("logs", "logs/**", "logs/**/*.jsonl"):
        assert names(f"{tmp_path}/{pattern}", tmp_path) == ["b.jsonl", "linked/a.jsonl"]
    (tmp_path / "logs/e.jsonl").symlink_to("gone.jsonl")
    for pattern in ("logs", "logs/*.jsonl", "logs/e.jsonl"):
        with pytest.raises(DataError, match=r"logs/e\.jsonl is a link to gone\.jsonl, which does"):
            match_files({"events": f"{tmp_path}/{pattern}"})


def test_one_file_by_two_patterns_is_read_once(write, tmp_path):
    write("logs/a.jsonl", "x")
    patterns = [f"{tmp_path}/logs", f"{tmp_path}/logs/*.jsonl"]
    assert len(match_files({"events": patterns})) == 1


def test_what_is_no_file(write, tmp_path):
    write("logs/a.jsonl", "x")
    os.mkfifo(tmp_path / "logs/b.jsonl")
    with pytest.raises(DataError, match=r"b\.jsonl is neither a file nor a folder"):
        match_files({"events": f"{tmp_path}/logs"})


def test_a_file_of_both_kinds_is_refused(write, tmp_path):
    write("data/events.csv", "x")
    write("data/labels.csv", "x")
    with pytest.raises(DataError, match=r"labels\.csv is matched as a file of events and of lab"):
        match_files({"events": f"{tmp_path}/data", "labels": f"{tmp_path}/data/labels.csv"})


def test_no_file_matches(write, tmp_path):
    write("logs/_SUCCESS", "x")
    for pattern in ("logs/*", "logs", "log[1].jsonl", "nowhere/*.csv"):
        with pytest.raises(DataError, match=r"No file of events matches .*\. Correct the path"):
            match_files({"events": f"{tmp_path}/{pattern}"})


def test_empty_files_pass_beside_others(write, tmp_path):
    empty = write("logs/a.jsonl", b"")
    with pytest.raises(DataError, match=r"a\.jsonl is empty: there are no events"):
        match_files({"events": empty})
    write("logs/b.jsonl", "x")
    assert len(match_files({"events": f"{tmp_path}/logs"})) == 2


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.parquet.gz", "a.gz", "a.jsonl.zip"])
def test_unsupported_extension(write, name):
    with pytest.raises(DataError, match=r"extension is not supported\. Supported are \.jsonl,"):
        match_files({"events": write(name, "x")})


def test_the_fingerprint_changes_with_any_file_that_is_read(write, tmp_path):
    def fingerprint():
        return fingerprint_of(match_files({"events": f"{tmp_path}/logs/**"}))

    write("logs/a.jsonl", "x")
    deep = write("logs/deep/er/b.jsonl", "x")
    first = fingerprint()
    assert first == fingerprint()
    write("logs/_SUCCESS", "x")
    assert first == fingerprint()
    os.utime(deep, (1, 1))
    second = fingerprint()
    write("logs/deep/est/c.jsonl", "x")
    assert len({first, second, fingerprint()}) == 3


def test_content_hashes(tree, write):
    def hashes():
        return [content_hash(f) for f in match_files({"events": f"{tree}/logs/*.jsonl"})]

    write("logs/copy.jsonl", "x")
    write("logs/z.jsonl", "yy")
    first, copy, other = hashes()
    assert first == copy != other
