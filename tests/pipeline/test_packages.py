"""What requirements.overrides promises about packages."""

import farmhash
import pytest
import tensorflow as tf


@pytest.mark.parametrize(
    ("text", "fingerprint64", "fingerprint32"),
    [
        ("", 11160318154034397263, 3696677242),
        ("a", 12917804110809363939, 1016544589),
        ("user-1", 4922675799889375116, 581942988),
        ("hello world", 6381520714923946011, 430397466),
        ("中文", 6104483040626166955, 676268617),
        ("x" * 100, 6590480085648050719, 133597080),
        ("0123456789" * 30, 13765960673534097603, 3625053743),
    ],
)
def test_hashes_are_those_of_pyfarmhash_0_3_2(text, fingerprint64, fingerprint32):
    """The functions that TFDV calls; the numbers were printed by version 0.3.2."""
    assert farmhash.fingerprint64(text) == fingerprint64
    assert farmhash.fingerprint32(text) == fingerprint32


def test_hashes_are_those_of_tensorflow():
    """TensorFlow has its own copy of FarmHash, and buckets are its remainder."""
    buckets = 2**40
    texts = [f"{number} 用户" * number for number in range(60)]
    ours = [farmhash.fingerprint64(text) % buckets for text in texts]
    assert tf.strings.to_hash_bucket_fast(texts, buckets).numpy().tolist() == ours
