"""The signature of an audit, in the format of the OpenSSF's Model Signing (v1.0).

A DSSE envelope in a Sigstore bundle, over an in-toto statement with the SHA-256 of every file of
the audit; `model_signing verify key` reads it too. The library itself, model-signing 1.1.1, imports
sigstore and by that tuf, from 6 on, which needs urllib3 2, and KFP 2.5, the old stack's, forbids
that. Of all that a key pair takes one signature and some JSON.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from tfx.dsl.io import fileio

from audit.keys import PrivateKey, PublicKey, fingerprint, hash_of
from serving.releases.model_digest import sha256_of

SIGNATURE_FILE = "audit.sig"

_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://model_signing/signature/v1.0"
_ALGORITHM = "sha256"


class Signed:
    """What a signature file says; whether it is true, `differences` tells.

    Attributes:
        key: Fingerprint of the key that it is said to be signed by.
    """

    def __init__(self, content: bytes):
        """Reads a bundle.

        Raises:
            ValueError, KeyError, TypeError, IndexError: It is none.
        """
        bundle = json.loads(content)
        envelope = bundle["dsseEnvelope"]
        self.key: str = bundle["verificationMaterial"]["publicKey"]["hint"]
        self._type: str = envelope["payloadType"]
        self._payload = base64.b64decode(envelope["payload"], validate=True)
        self._signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)

    def is_by(self, key: PublicKey) -> bool:
        """Whether this key signed exactly this."""
        try:
            key.verify(self._signature, _encode(self._payload, self._type), ec.ECDSA(hash_of(key)))
        except InvalidSignature:
            return False
        return self._type == _PAYLOAD

    def files(self) -> dict[str, str]:
        """Name -> SHA-256 of every file that was signed.

        Raises:
            ValueError, KeyError, TypeError: It is no statement of this kind.
        """
        statement = json.loads(self._payload)
        if (statement["_type"], statement["predicateType"]) != (_STATEMENT, _PREDICATE):
            raise ValueError("another kind of statement")
        return {each["name"]: each["digest"] for each in statement["predicate"]["resources"]}


def sign(folder: str, key: PrivateKey) -> None:
    """Signs all files of an audit's folder; nothing in it may be changed after that."""
    files = {
        name: sha256_of(os.path.join(folder, name))
        for name in sorted(fileio.listdir(folder))
        if name != SIGNATURE_FILE
    }
    payload = json.dumps(_statement(os.path.basename(folder.rstrip("/")), files)).encode()
    signature = key.sign(_encode(payload, _PAYLOAD), ec.ECDSA(hash_of(key.public_key())))
    bundle = {
        "mediaType": _BUNDLE,
        "verificationMaterial": {
            "publicKey": {"hint": fingerprint(key.public_key())},
            "tlogEntries": [],
        },
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": _PAYLOAD,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    with fileio.open(os.path.join(folder, SIGNATURE_FILE), "w") as file:
        file.write(json.dumps(bundle) + "\n")


def read_signature(folder: str) -> Signed | None:
    """The signature of an audit's folder; None if it has none.

    Raises:
        ValueError, KeyError, TypeError, IndexError: The file is no signature.
    """
    path = os.path.join(folder, SIGNATURE_FILE)
    if not fileio.exists(path):
        return None
    with fileio.open(path, "rb") as file:
        return Signed(file.read())


def differences(
    folder: str, signed: Signed, keys: Sequence[PublicKey], *, whole: bool
) -> Iterator[str]:
    """What does not hold of a signature, a sentence each.

    Args:
        folder: Of the audit.
        signed: Its signature.
        keys: One of these must have signed.
        whole: Whether files may not be missing; a version carries some of them alone.
    """
    own = [key for key in keys if fingerprint(key) == signed.key]
    if not own:
        known = ", ".join(fingerprint(key)[:16] for key in keys)
        yield f"{SIGNATURE_FILE} is by a foreign key: {signed.key[:16]}, not {known}"
        return
    if not signed.is_by(own[0]):
        yield f"{SIGNATURE_FILE} is bad: the key {signed.key[:16]} did not sign this"
        return
    try:
        files = signed.files()
    except (ValueError, KeyError, TypeError) as error:
        yield f"{SIGNATURE_FILE} signs no files: {error}"
        return
    found = {*fileio.listdir(folder)} - {SIGNATURE_FILE}
    for name in sorted(found | files.keys()):
        if name not in files:
            yield f"{name} was not there when the audit was signed"
        elif name not in found:
            if whole:
                yield f"{name} was signed and is missing"
        elif sha256_of(os.path.join(folder, name)) != files[name]:
            yield f"{name} was changed after it was signed"


def _statement(name: str, files: Mapping[str, str]) -> dict[str, Any]:
    root = hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in files.values()))
    return {
        "_type": _STATEMENT,
        "subject": [{"name": name, "digest": {_ALGORITHM: root.hexdigest()}}],
        "predicateType": _PREDICATE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": _ALGORITHM,
                "allow_symlinks": False,
                "ignore_paths": [SIGNATURE_FILE],
            },
            "resources": [
                {"name": name, "algorithm": _ALGORITHM, "digest": digest}
                for name, digest in files.items()
            ],
        },
    }


def _encode(payload: bytes, kind: str) -> bytes:
    """DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
