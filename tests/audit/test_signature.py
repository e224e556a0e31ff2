"""Signatures: who signed what, and whatever is wrong with a key."""

import hashlib
import os
import pathlib
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from audit.keys import KeyFileError, fingerprint, read_private_key, read_public_key
from audit.signature import differences, read_signature, sign
from tests.audit.signing import make_keys

_ELSEWHERE = pathlib.Path(__file__).parent / "signed_elsewhere"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "audit"
    folder.mkdir()
    (folder / "audit.json").write_text("{}")
    (folder / "report.html").write_text("page")
    return folder


def _differences(folder, public, whole=True):
    signed = read_signature(str(folder))
    return list(differences(str(folder), signed, [read_public_key(public)], whole=whole))


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_what_was_signed_holds(folder, tmp_path, curve):
    private, public = make_keys(tmp_path, curve=curve)
    sign(str(folder), read_private_key(private))
    assert _differences(folder, public) == []
    # Once more: the first signature is no part of what the second signs.
    sign(str(folder), read_private_key(private))
    assert _differences(folder, public) == []


def test_what_model_signing_signed_holds(tmp_path):
    """`signed_elsewhere` was made by the library model-signing 1.1.1."""
    copy = shutil.copytree(_ELSEWHERE, tmp_path / "copy")
    assert _differences(copy / "audit", str(copy / "key.pub.pem")) == []
    (copy / "audit" / "report.html").write_text("another page\n")
    assert _differences(copy / "audit", str(copy / "key.pub.pem")) == [
        "report.html was changed after it was signed"
    ]


@pytest.mark.parametrize("replaced", ["payload", "sig"])
def test_a_signature_that_was_changed_is_bad(folder, tmp_path, replaced):
    private, public = make_keys(tmp_path)
    sign(str(folder), read_private_key(private))
    first = (folder / "audit.sig").read_text()
    (folder / "audit.json").write_text("[]")
    sign(str(folder), read_private_key(private))
    second = (folder / "audit.sig").read_text()
    # Part of one signature with the rest of another, both by the right key.
    begin, end = f'"{replaced}": "', '"'
    old, new = (text.split(begin)[1].split(end)[0] for text in (first, second))
    (folder / "audit.sig").write_text(first.replace(old, new))
    (problem,) = _differences(folder, public)
    assert problem.startswith("audit.sig is bad: the key ")


def test_a_foreign_key_is_named(folder, tmp_path):
    private, public = make_keys(tmp_path)
    _, other = make_keys(tmp_path, "other")
    sign(str(folder), read_private_key(private))
    names = [fingerprint(read_public_key(path))[:16] for path in (public, other)]
    expected = f"audit.sig is by a foreign key: {names[0]}, not {names[1]}"
    assert _differences(folder, other) == [expected]


def test_files_that_differ_are_named(folder, tmp_path):
    private, public = make_keys(tmp_path)
    (folder / "gone").write_text("x")
    sign(str(folder), read_private_key(private))
    (folder / "audit.json").write_text("[]")
    (folder / "added").write_text("x")
    os.remove(folder / "gone")
    changed = ["added was not there when the audit was signed"]
    changed += ["audit.json was changed after it was signed"]
    assert _differences(folder, public) == [*changed, "gone was signed and is missing"]
    assert _differences(folder, public, whole=False) == changed


def test_the_fingerprint_is_what_openssl_gives(tmp_path):
    private, public = make_keys(tmp_path)
    if shutil.which("openssl"):
        command = ["openssl", "ec", "-in", private, "-pubout"]
        pem = subprocess.run(command, capture_output=True, check=True).stdout
    else:
        pem = pathlib.Path(public).read_bytes()
    assert fingerprint(read_public_key(public)) == hashlib.sha256(pem).hexdigest()


def test_a_key_that_cannot_sign_says_why(tmp_path):
    def refused(path, said):
        with pytest.raises(KeyFileError, match=said):
            read_private_key(str(path))

    refused(tmp_path / "none.pem", "none.pem cannot be read: No such file")
    refused(tmp_path, "cannot be read: Is a directory")
    (tmp_path / "text.pem").write_text("secret")
    refused(tmp_path / "text.pem", "no private key in PEM. Make a pair: openssl ecparam")
    refused(make_keys(tmp_path, "p", password=b"x")[0], "protected by a password.*openssl ec -in")
    refused(make_keys(tmp_path)[1], "is a public key")
    refused(make_keys(tmp_path, "rsa", "rsa")[0], "no key of an elliptic curve")
    refused(make_keys(tmp_path, "ed", "ed25519")[0], "no key of an elliptic curve")
    refused(make_keys(tmp_path, "k1", ec.SECP256K1())[0], "of the curve secp256k1; used are secp2")


def test_a_key_that_cannot_check_says_why(tmp_path):
    def refused(path, said):
        with pytest.raises(KeyFileError, match=said):
            read_public_key(str(path))

    refused(tmp_path / "none.pem", "cannot be read")
    refused(make_keys(tmp_path)[0], "is a private key: give nobody that")
    (tmp_path / "text.pem").write_text("open")
    refused(tmp_path / "text.pem", "no public key in PEM")
    refused(make_keys(tmp_path, "rsa", "rsa")[1], "no key of an elliptic curve")
    refused(make_keys(tmp_path, "k1", ec.SECP256K1())[1], "of the curve secp256k1")
