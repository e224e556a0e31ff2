"""The input files: what is matched, of which formats, and what tells that they changed."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import pydantic

from ingestion.compression import EXTENSIONS, compression_of, expansion
from ingestion.errors import DataError
from ingestion.matching import Found, match
from ingestion.stores import file_systems, is_stored

# Extension -> format.
_FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
_SHOWN = 5
_BUCKET_BYTES = 32 * 2**20
# Each is a batch of every file, and a file of the output.
_MOST_BUCKETS = {"files": 256, "shuffle": 65_536}
_HASHED_BYTES = 2**20


class InputFile(pydantic.BaseModel, frozen=True):
    """One file of events or labels.

    Args:
        index: Its place among all files, by kind and path; puts ties in a fixed order.
        kind: `events` or `labels`.
        path: Where it is.
        size: Bytes, as stored.
        modified: Seconds since 1970; 0 where the store does not tell.
    """

    index: int
    kind: str
    path: str
    size: int
    modified: float = 0.0

    @property
    def format(self) -> str:
        """`jsonl`, `csv` or `parquet`."""
        return _FORMATS[_extension(self.path)]

    @property
    def text_size(self) -> int:
        """Bytes of what is read, about: of a compressed file several times its size."""
        return self.size * expansion(self.path)


def match_files(patterns: Mapping[str, str | Sequence[str]]) -> list[InputFile]:
    """Finds the files to read, by the rules of `ingestion.matching`.

    Args:
        patterns: Kind of file -> a file, folder or pattern, or several of them.

    Returns:
        The files by kind, in the order of `patterns`, and path; each once.

    Raises:
        DataError: Nothing matches, all files of a kind are empty, an extension is not supported,
            or a file is of two kinds.
    """
    files: list[InputFile] = []
    kinds: dict[str, set[object]] = {}
    for kind, given in patterns.items():
        several = [given] if isinstance(given, str) else list(given)
        found: dict[object, Found] = {}
        for pattern in several:
            matched = match(pattern)
            if not matched:
                raise DataError(
                    f"No file of {kind} matches {pattern}. Correct the path; hidden files, and "
                    "those whose names begin with an underscore, are passed over."
                )
            found |= {file.identity: file for file in matched}
        of_kind = sorted(found.values(), key=lambda file: file.path)
        _check_formats([file.path for file in of_kind])
        identities = {file.identity for file in of_kind}
        for other, others in kinds.items():
            shared = [file.path for file in of_kind if file.identity in others]
            # Who names the same files twice means it; a folder that holds the labels too is a slip.
            if shared and identities != others:
                raise DataError(
                    f"{shared[0]} is matched as a file of {other} and of {kind}. Move it out of "
                    f"the folder of the {other}, or write a narrower pattern, as logs/*.jsonl."
                )
        kinds[kind] = identities
        for file in of_kind:
            files.append(
                InputFile(
                    index=len(files),
                    kind=kind,
                    path=file.path,
                    size=file.size,
                    modified=file.modified,
                )
            )
        if not any(file.size for file in of_kind):
            shown = ", ".join(file.path for file in of_kind[:_SHOWN])
            raise DataError(f"{shown} is empty: there are no {kind}. Write the files again.")
    return files


def describe_files(files: Iterable[InputFile]) -> str:
    """Returns how many files there are and how large they are, by kind, as text."""
    sizes: dict[str, list[int]] = {}
    for file in files:
        sizes.setdefault(file.kind, []).append(file.size)
    return ", ".join(
        f"{len(each):,} {'file' if len(each) == 1 else 'files'} of {kind} ({_bytes(sum(each))})"
        for kind, each in sizes.items()
    )


def count_buckets(files: Iterable[InputFile], way: str = "files") -> int:
    """Returns in how many parts the users are divided, so that one fits in memory.

    Args:
        files: The input files.
        way: By which the users are gathered, `files` or `shuffle`; through files there are 256
            parts at most.
    """
    size = sum(file.text_size for file in files)
    return min(max(-(-size // _BUCKET_BYTES), 1), _MOST_BUCKETS[way])


def fingerprint_of(files: Iterable[InputFile]) -> str:
    """Returns what changes when files do, told from paths, sizes and times; they are not read."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.kind}\0{file.path}\0{file.size}\0{file.modified:.9f}\n".encode())
    return digest.hexdigest()


def content_hash(file: InputFile) -> str:
    """Returns what two files of the same bytes share.

    A file of this machine is read, at the speed of the disk; of a store's file the store's own
    checksum is asked, which costs no transfer.
    """
    if is_stored(file.path):
        return f"checksum:{file.size}:{file_systems().checksum(file.path)}"
    digest = hashlib.blake2b(digest_size=16)
    with open(file.path, "rb") as stream:
        while block := stream.read(_HASHED_BYTES):
            digest.update(block)
    return f"blake2b:{digest.hexdigest()}"


def _check_formats(paths: Sequence[str]) -> None:
    foreign = [path for path in paths if _extension(path) not in _FORMATS]
    if foreign:
        shown = ", ".join(foreign[:_SHOWN])
        more = f" and {len(foreign) - _SHOWN} more" if len(foreign) > _SHOWN else ""
        raise DataError(
            f"{shown}{more}: the extension is not supported. Supported are "
            f"{', '.join(_FORMATS)}, and {', '.join(EXTENSIONS)} after all but .parquet; of a "
            "folder with other files "
            "write a pattern, as logs/*.jsonl or logs/**/*.jsonl."
        )


def _extension(path: str) -> str:
    """Returns the extension of the format, in lower case; Parquet compresses by itself."""
    name = path.lower().rsplit("/", 1)[-1]
    stem = name.removesuffix(compression_of(name))
    extension = stem[stem.rfind(".") :] if "." in stem else ""
    return name if extension == ".parquet" and stem != name else extension


def _bytes(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
