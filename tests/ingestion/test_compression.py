"""Compressed files, and files that are compressed in secret."""

import bz2
import gzip
import lzma
import zipfile

import pyarrow as pa
import pytest

from ingestion.errors import DataError
from ingestion.files import match_files
from ingestion.readers import column_names, read_records

_TEXT = b"user,when,what\n" + b"".join(b"u%d,%d,x%d\n" % (n, n, n) for n in range(20_000))


def _zstd(content):
    return pa.Codec("zstd").compress(content, asbytes=True)


_COMPRESS = {".gz": gzip.compress, ".bz2": bz2.compress, ".zst": _zstd}


def _read(path):
    (file,) = match_files({"events": str(path)})
    return list(read_records(file, ("user", "when", "what"), "Map the names."))


@pytest.mark.parametrize("extension", _COMPRESS)
def test_compressed_files(tmp_path, extension):
    path = tmp_path / f"a.csv{extension}"
    half = len(_TEXT) // 2
    # Files that were compressed apart may be put together.
    compress = _COMPRESS[extension]
    path.write_bytes(compress(_TEXT[:half]) + compress(_TEXT[half:]))
    records = _read(path)
    assert records[0] == (2, ("u0", "0", "x0"))
    assert records[-1] == (20_001, ("u19999", "19999", "x19999"))
    assert len(records) == 20_000


@pytest.mark.parametrize(
    ("extension", "name"), [(".gz", "gzip"), (".bz2", "bzip2"), (".zst", "zstd")]
)
def test_a_stream_that_breaks_off(tmp_path, extension, name):
    compressed = _COMPRESS[extension](_TEXT)
    path = tmp_path / f"a.csv{extension}"
    for content in (compressed[: len(compressed) // 2], b"user,when,what\n"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"the {name} stream is truncated or damaged after lin"):
            _read(path)


def _zip(content):
    import io

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("compress", "message"),
    [
        (gzip.compress, r"is gzip, which its name does not say\. Name it \.gz\."),
        (bz2.compress, r"is bzip2, which its name does not say\. Name it \.bz2\."),
        (_zstd, r"is zstd, which its name does not say\. Name it \.zst\."),
        (lzma.compress, r"is xz, which cannot be read\. Compress it with gzip, zstd or bzip2"),
        (_zip, r"is a zip archive, which cannot be read\. Unpack it\."),
        (lambda _: b"PAR1...", r"is Parquet, which its name does not say\. Name it \.parquet\."),
    ],
)
def test_what_the_name_does_not_say(tmp_path, compress, message):
    path = tmp_path / "a.csv"
    path.write_bytes(compress(_TEXT))
    (file,) = match_files({"events": str(path)})
    for read in (lambda: _read(path), lambda: column_names(file, 10)):
        with pytest.raises(DataError, match=rf"a\.csv: {message}"):
            read()
