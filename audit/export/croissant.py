"""A Croissant description of the data that a model was made from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import mlcroissant

from contract.errors import UserError
from contract.event_channels import further_channels_of
from ingestion.files import content_hash, match_files
from serving.releases.model_digest import sha256_of

_FORMATS = {
    ".jsonl": "application/jsonlines",
    ".json": "application/jsonlines",
    ".csv": "text/csv",
    ".parquet": "application/x-parquet",
}
_GZIP = ".gz"


class NoDescriptionError(UserError):
    """The data cannot be described."""


def write(record: Mapping[str, Any], folder: str, output: str) -> None:
    """Writes the description.

    Args:
        record: Of the audit.
        folder: Of the audit.
        output: JSON-LD file.

    Raises:
        NoDescriptionError: An input file is not here any more, or is another one.
    """
    del folder
    context = mlcroissant.Context()
    files, sets = [], []
    named = record["configuration"].get("data", {}).get("columns", {})
    columns, time = _columns(record, named), named.get("timestamp", "")
    for number, file in enumerate(record["data"]["files"]):
        name = f"{file['kind']}-{number}"
        files.append(_file(context, name, file))
        sets.append(_records(context, name, columns[file["kind"]], time))
    metadata = mlcroissant.Metadata(
        ctx=context,
        name=record["pipeline"],
        description=(
            f"{record['data']['users']} users' behaviours, and labels of "
            f"{record['data']['labelled_users']}, of which the model of {record['pipeline']} was "
            f"made. {record['subject']['intended_use']}"
        ).strip(),
        # What may be done with logs is not known here.
        license="unknown",
        url=f"urn:sha256:{record['model']['digest']}",
        version="1.0.0",
        date_published=record["created_at"],
        distribution=files,
        record_sets=sets,
    )
    with open(output, "w", encoding="utf-8") as stream:
        json.dump(metadata.to_json(), stream, indent=1, ensure_ascii=False, default=str)
        stream.write("\n")


def _columns(record: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, list[str]]:
    """Kind of the file -> the columns that are read."""
    channels = record["configuration"].get("data", {}).get("channels", ())
    further = [named.get(each.column, each.column) for each in further_channels_of(channels)]
    return {
        "events": [
            *(named[key] for key in ("user_id", "timestamp", "text") if named.get(key)),
            *further,
        ],
        "labels": [*filter(None, [named.get("label_user_id")]), *record["tasks"]],
    }


def _file(context: Any, name: str, file: Mapping[str, Any]) -> Any:
    path = file["path"]
    if "://" not in path and not os.path.isfile(path):
        raise NoDescriptionError(f"The input file {path} is not here; Croissant asks for its hash.")
    (found,) = match_files({file["kind"]: path})
    if file["content"] and content_hash(found) != file["content"]:
        raise NoDescriptionError(
            f"The input file {path} was changed after the model was made from it."
        )
    plain = path.removesuffix(_GZIP)
    formats = [_FORMATS.get(os.path.splitext(plain)[1], "text/plain")]
    if plain != path:
        formats.append("application/gzip")
    return mlcroissant.FileObject(
        ctx=context,
        id=name,
        name=os.path.basename(path),
        content_url=path,
        content_size=f"{file['size']} B",
        encoding_formats=formats,
        sha256=sha256_of(path),
    )


def _records(context: Any, name: str, columns: Sequence[str], time: str) -> Any:
    fields = [
        mlcroissant.Field(
            ctx=context,
            id=f"{name}/{column}",
            name=column,
            data_types=[
                mlcroissant.DataType.DATETIME if column == time else mlcroissant.DataType.TEXT
            ],
            source=mlcroissant.Source(
                ctx=context,
                file_object=name,
                extract=mlcroissant.Extract(ctx=context, column=column),
            ),
        )
        for column in columns
    ]
    return mlcroissant.RecordSet(ctx=context, id=f"{name}-lines", name=name, fields=fields)
