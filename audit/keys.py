"""Key pairs by which audits are signed: elliptic curves, in PEM files of the user's."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from audit.config import AuditConfig
from contract.errors import UsageError

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
"""The curves that the OpenSSF's format of model signatures knows, each with its hash."""

_MAKE = (
    "Make a pair: openssl ecparam -name prime256v1 -genkey -noout -out signing.pem && "
    "openssl ec -in signing.pem -pubout -out signing.pub.pem"
)


class KeyFileError(UsageError):
    """A file is no key that can be used."""


def read_private_key(path: str) -> PrivateKey:
    """Reads the key that signs.

    Args:
        path: PEM file, without a password.

    Raises:
        KeyFileError: It cannot be read, has a password, or is no key of one of the curves.
    """
    content = _content(path)
    if b"PUBLIC KEY" in content:
        raise KeyFileError(f"{path} is a public key; audits are signed by the private one.")
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except TypeError as error:
        raise KeyFileError(
            f"{path} is protected by a password, which a run cannot type. Write it without one, "
            f"readable by the run alone: openssl ec -in {path} -out unprotected.pem && "
            "chmod 600 unprotected.pem"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path} is no private key in PEM. {_MAKE}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeyFileError(f"{path} is no key of an elliptic curve. {_MAKE}")
    hash_of(key.public_key(), path)
    return key


def read_public_key(path: str) -> PublicKey:
    """Reads a key that signatures are checked by.

    Args:
        path: PEM file.

    Raises:
        KeyFileError: It cannot be read, or is no public key of one of the curves.
    """
    content = _content(path)
    if b"PRIVATE KEY" in content:
        raise KeyFileError(
            f"{path} is a private key: give nobody that, and here its public half: "
            f"openssl ec -in {path} -pubout -out public.pem"
        )
    try:
        key = serialization.load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path} is no public key in PEM. {_MAKE}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise KeyFileError(f"{path} is no key of an elliptic curve. {_MAKE}")
    hash_of(key, path)
    return key


def trusted_keys(config: AuditConfig) -> list[PublicKey]:
    """The keys by one of which an audit must be signed; none: it need not be signed.

    Args:
        config: `public_keys`, and the public half of `signing_key`.

    Raises:
        KeyFileError: As of `read_private_key` and `read_public_key`.
    """
    keys = [read_public_key(path) for path in config.public_keys]
    if config.signing_key:
        keys.append(read_private_key(config.signing_key).public_key())
    return keys


def hash_of(key: PublicKey, path: str = "the key") -> hashes.HashAlgorithm:
    """The hash that goes with a key's curve.

    Raises:
        KeyFileError: The curve is none of those that are used.
    """
    try:
        return _HASHES[key.curve.name]
    except KeyError:
        raise KeyFileError(
            f"{path} is of the curve {key.curve.name}; used are {', '.join(_HASHES)}. {_MAKE}"
        ) from None


def fingerprint(key: PublicKey) -> str:
    """Names a key: what `openssl ec -in KEY -pubout | sha256sum` prints."""
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(pem).hexdigest()


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise KeyFileError(f"The key {path} cannot be read: {error.strerror}.") from error
