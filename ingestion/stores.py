"""Object stores (`s3://`, `gs://`) through Beam, and what S3 refuses, said at once."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

from contract.errors import UserError

# Slow to import, and needed by those alone whose files are in a store.
if TYPE_CHECKING:
    from apache_beam.io.filesystems import FileSystems

S3 = "s3://"
_SECONDS = 10
_REMEDY = (
    "Mend the path, the credentials or the rights: S3 is told by AWS_ACCESS_KEY_ID, "
    "AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION and, if it is not Amazon's, AWS_ENDPOINT_URL, or by "
    "~/.aws."
)


class StoreError(UserError):
    """A store does not do what was asked; the message says what and why."""


def is_stored(path: str) -> bool:
    """Whether a path is a URI of a store, and not one of this machine."""
    return "://" in path


def check_readable(path: str) -> None:
    """Asks S3 for a listing; of another store nothing is asked.

    Beam tries again for ten minutes where there are no credentials or no server; this does not.

    Args:
        path: File, folder or pattern.

    Raises:
        StoreError: S3 refuses, or cannot be reached.
    """
    if path.startswith(S3):
        bucket, _ = _bucket_and_key(path)
        _ask(path, "read", lambda client: client.list_objects_v2(Bucket=bucket, MaxKeys=1))


def check_writable(folder: str) -> None:
    """Writes an empty file into a folder of S3 and deletes it; of another store nothing is asked.

    Args:
        folder: Which need not exist.

    Raises:
        StoreError: S3 refuses, or cannot be reached.
    """
    if folder.startswith(S3):
        bucket, key = _bucket_and_key(f"{folder.rstrip('/')}/.probe")

        def probe(client: Any) -> None:
            client.put_object(Bucket=bucket, Key=key, Body=b"")
            client.delete_object(Bucket=bucket, Key=key)

        _ask(folder, "written", probe)


def file_systems() -> type[FileSystems]:
    """Returns Beam's file systems; that of S3 needs options, also where no pipeline was made."""
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    if FileSystems._pipeline_options is None:
        FileSystems.set_options(PipelineOptions([]))
    systems: type[FileSystems] = FileSystems
    return systems


def list_files(folder: str) -> dict[str, int]:
    """Returns the sizes in bytes of all files below a folder of a store, by their paths in it."""
    folder = folder.rstrip("/")
    check_readable(folder)
    (found,) = file_systems().match([f"{folder}/**"])
    return {
        metadata.path.removeprefix(f"{folder}/"): metadata.size_in_bytes
        for metadata in found.metadata_list
        # Stores mark folders by objects whose names end so.
        if not metadata.path.endswith("/")
    }


def names_in(folder: str) -> list[str]:
    """Returns the names in a folder, on this machine or in a store; it need not exist."""
    if is_stored(folder):
        return sorted({path.partition("/")[0] for path in list_files(folder)})
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def remove_folder(folder: str) -> None:
    """Deletes a folder and all below it, on this machine or in a store; it need not exist."""
    if not is_stored(folder):
        if os.path.isdir(folder):
            shutil.rmtree(folder)
    elif paths := [f"{folder.rstrip('/')}/{name}" for name in list_files(folder)]:
        file_systems().delete(paths)


def upload(source: str, destination: str) -> None:
    """Copies a file into a store, where it appears as a whole or not at all."""
    from apache_beam.io.filesystem import CompressionTypes

    as_it_is = CompressionTypes.UNCOMPRESSED
    with (
        file_systems().open(source, compression_type=as_it_is) as file,
        file_systems().create(destination, compression_type=as_it_is) as stored,
    ):
        shutil.copyfileobj(file, stored, 1 << 20)


def _bucket_and_key(path: str) -> tuple[str, str]:
    bucket, _, key = path.removeprefix(S3).partition("/")
    return bucket, key


def _ask(path: str, verb: str, request: Any) -> None:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise StoreError(
            f"{path} cannot be {verb}: the package boto3 is missing. Install it (make install)."
        ) from error
    config = Config(
        connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"total_max_attempts": 2}
    )
    try:
        request(boto3.session.Session().client("s3", config=config))
    except (BotoCoreError, ClientError) as error:
        raise StoreError(f"{path} cannot be {verb}: {str(error).rstrip('.')}. {_REMEDY}") from error
