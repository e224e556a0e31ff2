"""The files that a pattern selects."""

import pydantic
from apache_beam.io.filesystems import FileSystems

from ingestion.errors import DataError

# Extension -> format.
_FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
}
_GZIP = ".gz"
_FOLDER_REMEDY = "for the files of a folder, write a pattern, as logs/*.jsonl."
# JSON and CSV shrink to about a sixth.
_GZIP_FACTOR = 6
_BUCKET_BYTES = 32 * 2**20
_MAX_BUCKETS = 256


class InputFile(pydantic.BaseModel, frozen=True):
    """One file of events or labels.

    Args:
        index: Its place among all files, by kind and path; puts ties in a fixed order.
        kind: `events` or `labels`.
        path: Where it is.
        size: Bytes, as stored.
    """

    index: int
    kind: str
    path: str
    size: int

    @property
    def format(self) -> str:
        """`jsonl`, `csv` or `parquet`."""
        return _FORMATS[_extension(self.path)]

    @property
    def gzipped(self) -> bool:
        """Whether the whole file is compressed."""
        return self.path.lower().endswith(_GZIP)


def match_files(patterns: dict[str, str]) -> list[InputFile]:
    """Finds the files to read; names that begin with a dot or an underscore are passed over.

    Args:
        patterns: Kind of file -> a path or a pattern with `*`.

    Returns:
        The files by kind, in the order of `patterns`, and path.

    Raises:
        DataError: Nothing matches, a file is empty or its extension is not supported.
    """
    files: list[InputFile] = []
    for kind, pattern in patterns.items():
        found = FileSystems.match([pattern])[0].metadata_list
        found = sorted((m for m in found if not _hidden(m.path)), key=lambda m: m.path)
        if not found:
            raise DataError(
                f"No file of {kind} matches {pattern}. Correct the path; {_FOLDER_REMEDY}"
            )
        for metadata in found:
            if _extension(metadata.path) not in _FORMATS:
                raise DataError(
                    f"{metadata.path}: the extension is not supported. Supported are "
                    f"{', '.join(_FORMATS)}, and .gz after all but .parquet; {_FOLDER_REMEDY}"
                )
            if not metadata.size_in_bytes:
                raise DataError(
                    f"{metadata.path} is empty. Write it again, or remove it from {pattern}."
                )
            files.append(
                InputFile(
                    index=len(files), kind=kind, path=metadata.path, size=metadata.size_in_bytes
                )
            )
    return files


def count_buckets(files: list[InputFile]) -> int:
    """Returns in how many parts the users are divided, so that one fits in memory: 1 to 256."""
    size = sum(file.size * (_GZIP_FACTOR if file.gzipped else 1) for file in files)
    return min(max(-(-size // _BUCKET_BYTES), 1), _MAX_BUCKETS)


def _extension(path: str) -> str:
    """Returns the extension without .gz, in lower case; Parquet compresses by itself."""
    name = path.lower().rsplit("/", 1)[-1]
    stem = name.removesuffix(_GZIP)
    extension = stem[stem.rfind(".") :] if "." in stem else ""
    return name if extension == ".parquet" and stem != name else extension


def _hidden(path: str) -> bool:
    return path.rsplit("/", 1)[-1].startswith((".", "_"))
