"""The paths of TF Serving's REST interface (`ParseModelInfo` in `http_rest_api_util.cc`)."""

from __future__ import annotations

import dataclasses
import re
import urllib.parse

from serving.dev_server.errors import StatusError, invalid_argument

_FLAGS = re.IGNORECASE | re.ASCII
_MODEL = r"/v1/models/(?P<model>[^/:]+)"
_VERSION = r"(?:(?:/versions/(?P<version>\d+))|(?:/labels/(?P<label>[^/:]+)))?"
_PREDICT = re.compile(rf"{_MODEL}{_VERSION}:(?P<method>classify|regress|predict)", _FLAGS)
_STATUS = re.compile(
    rf"/v1/models(?:/(?P<model>[^/:]+))?{_VERSION}(?:/(?P<method>metadata))?", _FLAGS
)
# What libevent's strict parser of URIs takes (RFC 3986).
_URI = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?#]|%[0-9A-Fa-f]{2})*")


class BadVersionError(StatusError):
    """A version that is no 64-bit number; TF Serving answers without a body."""


@dataclasses.dataclass(frozen=True)
class ModelPath:
    """What a path asks for.

    Attributes:
        model: Name, maybe empty.
        version: Number, if the path has one.
        label: Label, if the path has one.
        method: classify, regress or predict; metadata or the empty string for the status. In the
            letters that the path has.
    """

    model: str
    version: int | None
    label: str | None
    method: str

    def fill(self, spec) -> None:
        """Writes itself into a `ModelSpec`."""
        spec.name = self.model
        if self.version is not None:
            spec.version.value = self.version
        if self.label is not None:
            spec.version_label = self.label


def is_uri(uri: str) -> bool:
    """Whether the server understands the request's address at all."""
    return _URI.fullmatch(uri) is not None


def is_rest(path: str) -> bool:
    """Whether the REST interface answers; what is elsewhere is an HTML page for 404."""
    return re.match(r"/v1/", path, _FLAGS) is not None


def parse(http_method: str, path: str) -> ModelPath:
    """Takes a path apart.

    Args:
        http_method: GET and POST have paths of their own; others have none.
        path: With query: it is part of the last name, as there.

    Raises:
        StatusError: INVALID_ARGUMENT, if the path is none of the method's.
    """
    pattern = {"POST": _PREDICT, "GET": _STATUS}.get(http_method)
    match = pattern.fullmatch(path) if pattern else None
    if match is None:
        raise malformed(http_method, path)
    version = match["version"]
    if version is not None and int(version[:30]) >= 1 << 63:
        error = invalid_argument(f"Failed to convert version: {version} to numeric.")
        raise BadVersionError(error.code, error.message)
    label = match["label"]
    return ModelPath(
        model=_decode(match["model"] or ""),
        version=None if version is None else int(version),
        label=None if label is None else _decode(label),
        method=match["method"] or "",
    )


def malformed(http_method: str, path: str) -> StatusError:
    """No path of the REST interface."""
    return invalid_argument(f"Malformed request: {http_method} {path}")


def _decode(text: str) -> str:
    # A name that is no UTF-8 cannot stand in a ModelSpec; it is no model's name either.
    return urllib.parse.unquote(text, errors="replace")
