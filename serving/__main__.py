"""The command line: `python -m serving --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from contract.command_line import CommandLine
from contract.event_channels import EVENT_CHANNELS, further_channels_of

_FURTHER = further_channels_of(channel.name for channel in EVENT_CHANNELS)

_DESCRIPTION = """\
Serve, query and release the models that `python -m pipeline run` pushes.

A model folder has one numbered folder a version; the pipeline makes OUTPUT/serving/NAME.

Try a model on this machine:
  python -m serving serve runs/demo/serving/demo
  python -m serving query localhost:8500 --model-dir runs/demo/serving/demo "running shoes"

Encode all users of event logs, and find similar ones:
  python -m serving encode runs/demo/serving/demo logs/*.jsonl.gz --output vectors.parquet
  python -m serving nearest vectors.parquet u3c6ef362
  python -m serving export vectors.parquet --to lancedb --destination stores/lance
  python -m serving forget gone.txt vectors.parquet lancedb=stores/lance

Release a version that the pipeline pushed:
  python -m serving versions runs/demo/serving/demo
  python -m serving label runs/demo/serving/demo canary=1795446532
  python -m serving label runs/demo/serving/demo stable=1795446532
  python -m serving rollback runs/demo/serving/demo
  python -m serving publish runs/demo/serving/demo s3://bucket/models
"""

_SERVE_DESCRIPTION = """\
Serves a model with TF Serving's gRPC and REST interfaces, for development and tests.
TF Serving is for production; docs/serving.md tells how to deploy it.
"""

_SERVE_EPILOG = """\
New versions are swapped in without failing a request. The configuration decides on versions and
labels and is read again when it changes; the folder is MODEL_DIR, whatever base_path it has.

Ctrl-C or SIGTERM drains: requests under way are answered, new ones are refused.
"""

_PUBLISH_DESCRIPTION = """\
Copies what the store lacks: of a version saved_model.pb comes last, and models.config after all
versions. Say it again after a label was moved or a version rolled back. A run does the same where
the configuration has serving.publish_models.
"""

_ENCODE_EPILOG = """\
The same command resumes a run that died; a finished one is not repeated.

Every night, with all logs:
  python -m serving encode MODEL logs/ --output vectors/tuesday --previous vectors/monday \\
      --forget deleted_users.txt
The column carried_over says which vectors are those of the day before. Users who are in the logs no
more, or in the file of --forget, are in the new vectors no more.
"""


_EXPORT_EPILOG = """\
A row is a user and a version of the model: user_id, vector, behaviors, periods, model_version and
encoding, of which encoding a row is. Rows that are there are replaced, and users whom the vectors
have no more are taken out, so the store's rows of the version are the vectors. The same command
after a killed one gives the whole.

  lancedb   a folder, or a URI that LanceDB knows, with its environment variables
  faiss     a folder: TABLE/VERSION/index.faiss (exact, cosines), and users.parquet row by row
  pgvector  a DSN, such as postgresql://me@host/users; the password in PGPASSWORD or ~/.pgpass
  qdrant    a server's URL, its key in QDRANT_API_KEY; or a folder, for the client's local mode
  milvus    a server's URL, its token in MILVUS_TOKEN; or a file.db, for Milvus Lite

The clients are optional: pip install -r requirements-exports.txt. Neither TensorFlow nor TFX is
needed.
"""

_FORGET_EPILOG = """\
  python -m serving forget gone.txt vectors/monday vectors/tuesday lancedb=stores/lance
  python -m serving forget gone.txt vectors/tuesday pgvector=postgresql://me@host/users --check

Of a store all versions are looked through. Give the same file to `encode --forget` while the logs
have these users, or the next encoding has them again.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses the command line and runs one command; returns the exit code."""
    commands = CommandLine("python -m serving", _DESCRIPTION)

    serve = commands.add(
        "serve",
        _serve,
        "serve a model on this machine, for development",
        description=_SERVE_DESCRIPTION,
        epilog=_SERVE_EPILOG,
    )
    serve.add_argument("model_dir", help="folder with one numbered folder a version")
    serve.add_argument(
        "--model-name", default="default", help="name to serve it under (default: default)"
    )
    serve.add_argument(
        "--model-config-file",
        help="versions and labels, as TF Serving reads them (default: models.config beside "
        "MODEL_DIR if there is one, otherwise the newest version)",
    )
    serve.add_argument("--host", default="127.0.0.1", help="address (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, default=8500, help="gRPC port (default: 8500, 0: free)")
    serve.add_argument(
        "--rest-api-port", type=int, default=8501, help="REST port (default: 8501, 0: free)"
    )
    serve.add_argument(
        "--poll-seconds", type=float, default=1.0, help="look for new versions (default: 1)"
    )
    serve.add_argument("--no-batching", action="store_true", help="run every request alone")
    serve.add_argument(
        "--max-batch-size", type=int, default=256, help="users run at once (default: 256)"
    )
    serve.add_argument(
        "--batch-timeout-micros",
        type=int,
        default=0,
        help="how long a batch waits for more requests (default: 0)",
    )
    serve.add_argument(
        "--num-batch-threads", type=int, default=2, help="batches side by side (default: 2)"
    )
    serve.add_argument(
        "--reload-from-any-folder",
        action="store_true",
        help="let clients have models loaded that do not lie beside MODEL_DIR, by "
        "HandleReloadConfigRequest (default: refuse)",
    )
    serve.add_argument("--tls-key", help="PEM file of a private key; with --tls-certificate")
    serve.add_argument("--tls-certificate", help="PEM file of a certificate chain")

    query = commands.add(
        "query",
        _query,
        "ask a server about one user",
        description="Encodes the texts of one user and prints the tasks' probabilities.",
    )
    query.add_argument("target", help="host:port of a gRPC server")
    query.add_argument("texts", nargs="+", metavar="text", help="what the user did, oldest first")
    query.add_argument(
        "--timestamps",
        nargs="+",
        metavar="time",
        help="when, one for every text: Unix seconds or ISO 8601, 0 where unknown (default: all "
        "unknown); a model without the channel of time ignores them",
    )
    query.add_argument(
        "--types",
        nargs="+",
        metavar="type",
        help='of what kind, one for every text, such as view, "" where unknown; a model without '
        "the channel of types ignores them",
    )
    query.add_argument(
        "--values",
        nargs="+",
        metavar="number",
        help='a number for every text, such as a price, "" where unknown; a model without the '
        "channel of values ignores them",
    )
    query.add_argument("--model", default="default", help="name of the model (default: default)")
    query.add_argument("--version", type=int, help="version (default: the newest)")
    query.add_argument("--label", help="label of a version, such as stable")
    query.add_argument(
        "--model-dir", help="folder of the versions, whose model cards name the classes"
    )
    query.add_argument("--json", action="store_true", help="print JSON, with the user vector")
    query.add_argument("--timeout", type=float, default=10.0, help="seconds (default: 10)")

    encode = commands.add(
        "encode",
        _encode,
        "encode all users of event logs, to Parquet",
        description="Gathers the events by user and writes the users' vectors, with Beam.",
        epilog=_ENCODE_EPILOG,
    )
    encode.add_argument("model_dir", help="folder with one numbered folder a version")
    encode.add_argument(
        "events", nargs="+", help="files or patterns: JSONL, CSV (also .gz) or Parquet"
    )
    encode.add_argument("--output", required=True, help="folder of Parquet files to write")
    encode.add_argument(
        "--version", type=int, help="version (default: the stable one, otherwise the newest)"
    )
    encode.add_argument(
        "--previous",
        metavar="DIR",
        help="an earlier --output: only users whose behaviours differ from then are encoded",
    )
    encode.add_argument(
        "--forget", metavar="FILE", help="ids of users, one a line, who get no vector"
    )
    encode.add_argument(
        "--period-days",
        type=float,
        help="one vector for each period, such as 7, pooled to the user's (default: one of all)",
    )
    for column in ("user-id", "timestamp", "text"):
        name = column.replace("-", "_")
        encode.add_argument(f"--{column}", default=name, help=f"column (default: {name})")
    for channel in _FURTHER:
        encode.add_argument(
            f"--{channel.column}",
            default=channel.column,
            help=f"column, read if the model has the channel `{channel.name}` (default: "
            f"{channel.column})",
        )
    encode.add_argument(
        "--without",
        nargs="+",
        default=[],
        choices=[channel.name for channel in _FURTHER],
        metavar="CHANNEL",
        help="channels of the model that the events do not have: type, value; they then say "
        "nothing of anybody",
    )
    encode.add_argument(
        "--max-bad-fraction",
        type=float,
        default=0.001,
        help="share of bad lines up to which they are skipped (default: 0.001)",
    )
    encode.add_argument(
        "--timestamp-unit",
        default="auto",
        metavar="UNIT",
        help="what timestamps that are numbers mean, as `data.timestamp_unit` of the "
        "configuration (default: auto, told by each file's column)",
    )
    encode.add_argument(
        "--no-html-entities",
        action="store_true",
        help="leave &quot; and the like in texts as they are; give it if the training had "
        "`data.html_entities: false`",
    )
    encode.add_argument(
        "--losses",
        default="{}",
        metavar="YAML",
        help="what files may lose, as in `data.losses` of the configuration, such as "
        "'{identical_files: {stop: null}, empty_files: {warn: 0}}'",
    )
    encode.add_argument(
        "--beam-arg", action="append", default=[], help="option of Beam, such as --runner=..."
    )

    nearest = commands.add(
        "nearest",
        _nearest,
        "find the users most similar to one",
        description="Finds the users with the most similar vectors, exactly.",
    )
    nearest.add_argument("vectors", help="what encode wrote")
    nearest.add_argument("user_id", help="whose neighbours")
    nearest.add_argument("--count", type=int, default=10, help="how many (default: 10)")
    nearest.add_argument("--json", action="store_true", help="print JSON")

    export = commands.add(
        "export",
        _export,
        "write user vectors to a vector store",
        description="Makes a vector store's rows of a version what encode wrote.",
        epilog=_EXPORT_EPILOG,
    )
    export.add_argument("vectors", help="what encode wrote")
    export.add_argument(
        "--to",
        required=True,
        choices=["lancedb", "faiss", "pgvector", "qdrant", "milvus"],
        help="kind of store",
    )
    export.add_argument("--destination", required=True, help="folder, file, URL or DSN; see below")

    forget = commands.add(
        "forget",
        _forget,
        "take users out of vectors and stores, and see that they are gone",
        description="Takes users out, looks for them, and fails if one is still there.",
        epilog=_FORGET_EPILOG,
    )
    forget.add_argument("users", help="file of user ids, one a line")
    forget.add_argument(
        "places",
        nargs="+",
        metavar="place",
        help="what encode wrote, or STORE=DESTINATION as of export",
    )
    forget.add_argument(
        "--check", action="store_true", help="only look; exit code 1 if one is there"
    )
    for command in (export, forget):
        command.add_argument(
            "--table",
            default="user_vectors",
            help="table, collection or folder in the store (default: user_vectors)",
        )

    versions = commands.add("versions", _versions, "list the versions and labels of a model")
    versions.add_argument("model_dir", help="folder with one numbered folder a version")
    versions.add_argument("--json", action="store_true", help="print JSON, with the model cards")

    label = commands.add(
        "label",
        _label,
        "let a label point to a version",
        description="Moves the label stable or canary in models.config, which servers follow.",
    )
    label.add_argument("model_dir", help="folder with one numbered folder a version")
    label.add_argument("assignment", help="LABEL=VERSION, such as stable=1795446532")

    rollback = commands.add(
        "rollback",
        _rollback,
        "go back to the version before",
        description="Lets all requests and labels go to the version before the last step.",
    )
    rollback.add_argument("model_dir", help="folder with one numbered folder a version")
    for command in (label, rollback):
        command.add_argument(
            "--server",
            help="host:port of the gRPC server; if the version has to be loaded first, waits for "
            "it (without: run the same command again)",
        )
        command.add_argument(
            "--timeout", type=float, default=300, help="seconds to wait (default: 300)"
        )

    publish = commands.add(
        "publish",
        _publish,
        "copy a model's versions and what is served of them to an object store",
        description=_PUBLISH_DESCRIPTION,
    )
    publish.add_argument("model_dir", help="folder with one numbered folder a version")
    publish.add_argument("folder", help="s3:// or gs://; gets NAME/VERSION and NAME/models.config")
    publish.add_argument(
        "--keep",
        type=int,
        help="newest versions that stay in the store, beside those that are served (default: all)",
    )

    return commands.main(arguments)


def _serve(args: argparse.Namespace) -> int:
    from serving.serve_command import serve

    return serve(args)


def _query(args: argparse.Namespace) -> int:
    from serving.query_command import query

    return query(args)


def _encode(args: argparse.Namespace) -> int:
    from serving.bulk.commands import encode

    return encode(args)


def _nearest(args: argparse.Namespace) -> int:
    from serving.bulk.commands import nearest

    return nearest(args)


def _export(args: argparse.Namespace) -> int:
    from serving.stores.commands import export

    return export(args)


def _forget(args: argparse.Namespace) -> int:
    from serving.stores.commands import forget

    return forget(args)


def _versions(args: argparse.Namespace) -> int:
    from serving.release_commands import versions

    return versions(args)


def _label(args: argparse.Namespace) -> int:
    from serving.release_commands import label

    return label(args)


def _rollback(args: argparse.Namespace) -> int:
    from serving.release_commands import rollback

    return rollback(args)


def _publish(args: argparse.Namespace) -> int:
    from serving.release_commands import publish

    return publish(args)


if __name__ == "__main__":
    sys.exit(main())
