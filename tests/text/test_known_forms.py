"""The table of frequent forms: the same words, whether they are looked up or computed."""

import os
import shutil

import pytest
import tensorflow as tf
import tensorflow_transform as tft
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trainer.text.config import TextConfig
from trainer.text.known_forms import KNOWN_FORMS_ASSET
from trainer.text.texts_to_words import TextsToWords
from trainer.text.vocabulary import read_vocabulary

_TEXTS = [
    b"Running shoes, size 9",
    b"running SHOES - size 9",
    b"user\xe2\x80\x99s shoes' running... the trail",
    b"caf\xc3\xa9 cafe\xcc\x81 \xef\xbc\xb2\xef\xbd\x95\xef\xbd\x8e \xff run\xfe 'tis O'Clock",
    b"trail-running\tshoes\n\x00size \xe3\x80\x80 a\xe3\x80\x80b Stra\xc3\x9fe \xce\xa3\xce\xa3",
    b"",
]
_USERS = [
    {"history": _TEXTS, "target": _TEXTS[:2]},
    {"history": _TEXTS[3:], "target": [b"zzz qqq run"]},
]
_SIZES = {"none": 1, "some": 6, "all": None}
"""Lines of the table that are left; the first one is no form's."""


_SETTINGS = [{}, {"ngrams": 2, "punctuation": True}]


@pytest.fixture(scope="module", params=_SETTINGS, ids=["words", "phrases and signs"])
def transformed(request, tmp_path_factory, run_transform):
    """The rows that Transform made, and its graph."""
    folder = tmp_path_factory.mktemp("transformed")
    return run_transform(folder, _USERS, max_words=6, max_behaviors=5, **request.param)


@pytest.fixture(scope="module")
def layers(transformed, tmp_path_factory):
    """The served graph by the size of its table."""
    folder, made = tmp_path_factory.mktemp("tables"), {}
    for name, size in _SIZES.items():
        shutil.copytree(os.path.dirname(transformed[1].transform_savedmodel_dir), folder / name)
        (table,) = (folder / name).glob(f"*/assets/{KNOWN_FORMS_ASSET}")
        table.write_bytes(b"".join(table.read_bytes().splitlines(keepends=True)[:size]))
        layer = tft.TFTransformOutput(str(folder / name)).transform_features_layer()
        made[name] = tf.function(
            lambda texts, layer=layer: layer({"history": texts})["history"],
            input_signature=[tf.SparseTensorSpec([None, None], tf.string)],
        )
    return made


def _ids(layer, users):
    return layer(tf.ragged.constant(users, ragged_rank=1, dtype=tf.string).to_sparse()).to_list()


def test_what_is_served_is_what_was_trained_on(transformed, layers):
    rows, _ = transformed
    for layer in layers.values():
        served = _ids(layer, [user["history"] for user in _USERS])
        assert [[word for behavior in ids for word in behavior] for ids in served] == [
            list(row["history$ragged_values"]) for row in rows
        ]


def test_the_table_holds_forms_that_occur_twice_and_have_at_most_one_word(transformed):
    path = f"{transformed[1].transform_savedmodel_dir}/assets/{KNOWN_FORMS_ASSET}"
    with open(path, "rb") as file:
        table = dict(line.rstrip(b"\n").split(b"\t") for line in file)
    assert len(table) > 6
    assert (table[b"size"], table[b"SHOES"], table[b""]) == (b"size", b"shoe", b"")
    # Three times there, as two words; and once.
    assert not {b"trail-running", b"qqq"} & set(table)


@pytest.mark.parametrize("transformed", _SETTINGS[:1], indirect=True, ids=["words"])
def test_without_a_table_training_sees_the_same(transformed, tmp_path, run_transform):
    rows, output = run_transform(tmp_path, _USERS, max_words=6, max_behaviors=5, known_forms=0)
    assert str(rows) == str(transformed[0])
    assert read_vocabulary(output) == read_vocabulary(transformed[1])
    assert not os.path.exists(f"{output.transform_savedmodel_dir}/assets/{KNOWN_FORMS_ASSET}")


_FORMS = st.sampled_from([form for text in _TEXTS for form in text.split(b" ")])
_STRANGE = st.binary(max_size=6) | st.text(max_size=6).map(lambda text: text.encode())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.lists(_FORMS | _STRANGE, max_size=6).map(b" ".join)), max_size=3))
@example([[b"running\xe2\x80\xa8shoes\x85size\x0btrail\x1crun", b"'' ' \xe4\xb8 running"]])
@example([[b"\xce\xa3\xce\xa3 \xce\xa3", b"run\xef\xbb\xbf \xef\xbb\xbfrun \xcc\x81a"], []])
def test_any_text_at_all(layers, users):
    none, some, all_ = (_ids(layer, users or [[]]) for layer in layers.values())
    assert none == some == all_


@pytest.fixture(scope="module")
def cut():
    """Functions of strings [n] to their words, and to their forms."""
    texts_to_words = TextsToWords(TextConfig(punctuation=True))
    signature = [tf.TensorSpec([None], tf.string)]
    return (
        tf.function(texts_to_words, input_signature=signature),
        tf.function(texts_to_words.forms, input_signature=signature),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(_FORMS | _STRANGE, max_size=8))
def test_forms_cut_a_text_without_changing_its_words(cut, forms):
    words_of, forms_of = cut
    text = tf.constant([b" ".join(forms)])
    (whole,) = words_of(text).to_list()
    parts = words_of(forms_of(text).values).to_list()
    assert [word for part in parts for word in part] == whole
