"""Which files a path or pattern means, on this machine and in any store of Beam's.

One set of rules for everything that looks at input files (see `docs/input_data.md`). A path is
gone through part by part: a name that exists is meant as it is written, whatever characters it
has; otherwise `*`, `?` and `[...]` match within one name and `**` over folders. What is found is
read whole: of a folder the files at every depth, without hidden files and markers.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from ingestion.errors import DataError
from ingestion.stores import StoreError, check_readable, file_systems, is_stored

_WILDCARD = re.compile(r"[*?\[]")
_MARKER_ENDS = (".crc", "_$folder$")


class Found(NamedTuple):
    """A file.

    Attributes:
        path: Where it is.
        size: Bytes, as stored.
        modified: Seconds since 1970; 0 where the store does not tell.
        identity: The same for two paths to one file.
    """

    path: str
    size: int
    modified: float
    identity: object


class _Tree(Protocol):
    """Folders and files, wherever they are."""

    def names(self, folder: str) -> list[str]: ...
    def exists(self, path: str) -> bool: ...
    def is_folder(self, path: str) -> bool: ...
    def file(self, path: str) -> Found: ...
    def identity(self, folder: str) -> object: ...


def match(pattern: str) -> list[Found]:
    """Finds the files that a path or pattern means.

    Args:
        pattern: A file, a folder, or a pattern with `*`, `?`, `[...]` or `**`; a path of this
            machine or a URI of one of Beam's file systems.

    Returns:
        The files by path; two paths to one file (links) give one.

    Raises:
        DataError: A link leads nowhere, something cannot be read or is no file.
    """
    tree: _Tree
    if is_stored(pattern):
        scheme, _, rest = pattern.partition("://")
        root, tree = f"{scheme}://", _Listing(pattern)
    else:
        rest, tree = os.path.abspath(pattern), _Disk()
        root = "/"
    parts = [part for part in rest.split("/") if part]
    found: dict[object, Found] = {}
    for path in sorted(set(_matches(tree, root, parts))):
        for file in _files(tree, path, ()):
            found.setdefault(file.identity, file)
    return sorted(found.values(), key=lambda file: file.path)


def has_wildcard(pattern: str) -> bool:
    """Whether a path has characters of a pattern."""
    return bool(_WILDCARD.search(pattern))


def is_hidden(name: str) -> bool:
    """Whether a file or folder is passed over unless it is named: hidden files and markers."""
    return name.startswith((".", "_")) or name.endswith(_MARKER_ENDS)


def _matches(
    tree: _Tree, folder: str, parts: list[str], above: tuple[object, ...] = ()
) -> Iterator[str]:
    """Yields what the parts of a pattern mean below a folder: files and folders.

    Args:
        tree: Where to look.
        folder: Where the parts begin.
        parts: Of the pattern.
        above: Identities of the folders that `**` has gone through.
    """
    if not parts:
        yield folder
        return
    part, rest = parts[0], parts[1:]
    path = _join(folder, part)
    if not has_wildcard(part) or tree.exists(path):
        if (tree.is_folder(path) and rest) or (not rest and tree.exists(path)):
            yield from _matches(tree, path, rest)
        return
    if not tree.is_folder(folder):
        return
    if "**" in part:
        identity = tree.identity(folder)
        # A link to a folder above it would have no end.
        if identity in above:
            return
        # Over any number of folders, none too: `**/x` as well as `**.jsonl`.
        yield from _matches(tree, folder, [part.replace("**", "*"), *rest])
        if part == "**" and rest:
            yield from _matches(tree, folder, rest)
        for name in tree.names(folder):
            below = _join(folder, name)
            if not is_hidden(name) and tree.is_folder(below):
                yield from _matches(tree, below, parts, (*above, identity))
        return
    for name in tree.names(folder):
        # A pattern that begins as a hidden name does means hidden names.
        if is_hidden(name) and not (part[0] == name[0] and part[0] in "._"):
            continue
        if fnmatch.fnmatchcase(name, part):
            below = _join(folder, name)
            if not rest or tree.is_folder(below):
                yield from _matches(tree, below, rest)


def _files(tree: _Tree, path: str, above: tuple[object, ...]) -> Iterator[Found]:
    """Yields a file, or the files of a folder at every depth."""
    if not tree.is_folder(path):
        yield tree.file(path)
        return
    identity = tree.identity(path)
    if identity in above:
        return
    for name in sorted(tree.names(path)):
        if not is_hidden(name):
            yield from _files(tree, _join(path, name), (*above, identity))


def _join(folder: str, name: str) -> str:
    return folder + name if folder.endswith("/") else f"{folder}/{name}"


class _Disk:
    """The files of this machine."""

    def names(self, folder: str) -> list[str]:
        try:
            return os.listdir(folder)
        except OSError as error:
            raise _unreadable(folder, error) from error

    def exists(self, path: str) -> bool:
        return os.path.lexists(path)

    def is_folder(self, path: str) -> bool:
        return os.path.isdir(path)

    def identity(self, folder: str) -> object:
        status = os.stat(folder)
        return status.st_dev, status.st_ino

    def file(self, path: str) -> Found:
        try:
            status = os.stat(path)
        except FileNotFoundError as error:
            raise DataError(
                f"{path} is a link to {os.readlink(path)}, which does not exist. Mend the link, or "
                "remove it."
            ) from error
        except OSError as error:
            raise _unreadable(path, error) from error
        if not stat.S_ISREG(status.st_mode):
            raise DataError(
                f"{path} is neither a file nor a folder. Remove it, or narrow the path."
            )
        if not os.access(path, os.R_OK):
            raise DataError(f"{path} must not be read by this user. Change its permissions.")
        try:
            path.encode()
        except UnicodeEncodeError as error:
            raise DataError(f"{path!r}: the name is not UTF-8. Rename the file.") from error
        identity = (status.st_dev, status.st_ino)
        return Found(path, status.st_size, status.st_mtime_ns / 1e9, identity)


def _unreadable(path: str, error: OSError) -> DataError:
    return DataError(f"{path} cannot be read: {error.strerror}. Mend it, or narrow the path.")


class _Listing:
    """The files of a store, as one listing of all below the pattern's fixed beginning."""

    def __init__(self, pattern: str):
        # Only stores need it; what checks local files must start in a moment.
        from apache_beam.io.filesystem import BeamIOError

        beginning = _WILDCARD.split(pattern)[0]
        if beginning == pattern:
            beginning = pattern.rstrip("/")
            asked = [beginning, f"{beginning}/**"]
        else:
            asked = [f"{beginning}**"]
        try:
            check_readable(pattern)
            found = [m for result in file_systems().match(asked) for m in result.metadata_list]
        except StoreError as error:
            raise DataError(str(error)) from error
        except (BeamIOError, ValueError) as error:
            raise DataError(
                f"{pattern} cannot be listed: {error}. Correct the path; for the store's "
                "credentials and packages see docs/beam.md."
            ) from error
        self._files: dict[str, Found] = {}
        self._folders: dict[str, set[str]] = {}
        for metadata in found:
            path = metadata.path
            # Stores mark folders by objects whose names end so.
            if path.endswith("/"):
                continue
            size, modified = metadata.size_in_bytes, metadata.last_updated_in_seconds
            self._files[path] = Found(path, size, modified, path)
            while not path.endswith("://"):
                folder, _, name = path.rpartition("/")
                folder = f"{folder}/" if folder.endswith(":/") else folder
                self._folders.setdefault(folder, set()).add(name)
                path = folder

    def names(self, folder: str) -> list[str]:
        return list(self._folders.get(folder, ()))

    def exists(self, path: str) -> bool:
        return path in self._files or path in self._folders

    def is_folder(self, path: str) -> bool:
        return path in self._folders

    def identity(self, folder: str) -> object:
        return folder

    def file(self, path: str) -> Found:
        return self._files[path]
