"""Names for users that tell audits' rows apart without telling who they are."""

from __future__ import annotations

import hashlib
import hmac
import os

from contract.errors import UsageError

_BYTES = 16


class UserKeyError(UsageError):
    """The key of the users' pseudonyms is not there."""


def user_key(variable: str | None, pipeline: str) -> bytes:
    """The key under which user ids are hashed.

    Args:
        variable: Environment variable that holds it; None: the pipeline's name is the key.
        pipeline: Name of the pipeline.

    Raises:
        UserKeyError: The variable is not set, or empty.
    """
    if variable is None:
        return pipeline.encode()
    key = os.environ.get(variable, "")
    if not key:
        raise UserKeyError(
            f"audit.user_key_env: the environment variable {variable} is not set. Set it to the "
            "key of the users' pseudonyms, or take the line out of the configuration."
        )
    return key.encode()


def pseudonym(user_id: bytes, key: bytes) -> str:
    """Returns 32 hexadecimal digits of HMAC-SHA256 of a user id.

    >>> pseudonym(b"u1", b"key")
    'dc0708706ec6b9b1224ee4d159bdf545'

    Args:
        user_id: The id, UTF-8.
        key: Of all users of a pipeline.
    """
    return hmac.new(key, user_id, hashlib.sha256).digest()[:_BYTES].hex()
