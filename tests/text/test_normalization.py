"""What is done to texts before they are cut."""

import pytest
import tensorflow as tf

from trainer.text.normalization import normalize


def _normalize(text, **settings):
    if isinstance(text, str):
        text = text.encode()
    settings = {"half_width": True, "lower_case": True, **settings}
    return normalize(tf.constant([text]), **settings).numpy()[0].decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ＷＩＦＩ　６，～！", "wifi 6,~!"),
        ("ÉTÉ Σ", "été σ"),
        ("北京。「」", "北京。「」"),
        ("ｱ￥", "ｱ￥"),
        (b"bad \xff\xfe bytes\xc3", "bad    bytes "),
        ("nul\x00tab\t", "nul tab "),
        ("", ""),
    ],
)
def test_normalize(text, expected):
    assert _normalize(text) == expected


def test_both_are_optional():
    assert _normalize("Ａb", half_width=False) == "ａb"
    assert _normalize("Ａb", lower_case=False) == "Ab"


def test_surrogates_are_no_utf8():
    text = "a\ud800b".encode("utf-8", "surrogatepass")
    assert _normalize(text).replace(" ", "") == "ab"
