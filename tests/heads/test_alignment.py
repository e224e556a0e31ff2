"""Vectors of a new model are turned to those of the one before."""

import os

import numpy as np
import pytest
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from audit.compatibility import compatibility_section, measure
from benchmarks import transformed_users
from contract.features import BEHAVIORS, HISTORY, weight_name
from contract.signatures import USER_VECTOR
from trainer.earlier_model import WarmStartError
from trainer.encoder import run as encoder_run
from trainer.encoder.warm_start import read_state, start_vectors
from trainer.export.signatures import ServedModel
from trainer.heads import run as heads_run
from trainer.heads.alignment import procrustes, read_alignment
from trainer.heads.config import HeadsConfig
from trainer.heads.model import build_head
from trainer.heads.served import ServedHeads
from trainer.text.vocabulary import read_vocabulary

_TASKS = {"likes": 2}
_TOPICS = (
    "boots trail hike tent map",
    "bread dough oven flour yeast",
    "piano song choir drum band",
)


def test_procrustes_of_a_known_rotation():
    # By hand: a quarter turn, then the axes mirrored; 3-4-5 makes a turn of another angle.
    vectors = np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    for turn in ([[0, 1], [-1, 0]], [[1, 0], [0, -1]], [[0.6, 0.8], [-0.8, 0.6]]):
        np.testing.assert_allclose(procrustes(vectors, vectors @ turn), turn, atol=1e-12)
    # Lengths cannot be mended by turning: the best turn of doubled vectors is none.
    np.testing.assert_allclose(procrustes(vectors, 2 * vectors), np.eye(2), atol=1e-12)


def test_known_words_keep_their_embeddings_and_new_ones_are_turned_to_them():
    earlier = np.array([[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]])
    # What the usual start says, a quarter turn away from the earlier vectors.
    usual = np.array([[0.0, -2.0], [1.0, 0.0], [0.0, -1.0]])
    rows = np.array([-1, 1, 0])
    np.testing.assert_allclose(
        start_vectors(usual, earlier, rows), [[2.0, 0.0], [0.0, 1.0], [1.0, 0.0]], atol=1e-6
    )
    # Nothing is known: the usual start.
    np.testing.assert_allclose(start_vectors(usual, earlier, np.full(3, -1)), usual)


class _Words(tf.Module):
    """Texts to word ids, as Transform's layer does, by cutting at spaces."""

    def __init__(self, vocabulary):
        super().__init__()
        ids = tf.range(1, len(vocabulary) + 1, dtype=tf.int64)
        words = tf.lookup.KeyValueTensorInitializer(tf.constant(vocabulary), ids)
        self.table = tf.lookup.StaticHashTable(words, 0)

    def __call__(self, inputs):
        texts = inputs[HISTORY]
        rows = tf.RaggedTensor.from_value_rowids(
            texts.values, texts.indices[:, 0], nrows=texts.dense_shape[0]
        )
        words = tf.strings.split(rows.values)
        ids = words.with_values(self.table.lookup(words.values))
        ids = tf.ragged.boolean_mask(ids, ids > 0)
        behaviors = rows.with_values(ids)
        return {HISTORY: tf.ragged.boolean_mask(behaviors, behaviors.row_lengths(axis=2) > 0)}


class _Transformed:
    """What the trainer asks of `tft.TFTransformOutput`; the folder holds the vocabulary alone."""

    def __init__(self, folder):
        self.transform_savedmodel_dir = folder
        self._words = [word for word, _ in read_vocabulary(self)]

    def transformed_feature_spec(self):
        return transformed_users.feature_spec()

    def transform_features_layer(self):
        return _Words(self._words)


class _Generations:
    """Encoders and heads of several generations, by the trainers' own entry points."""

    def __init__(self, folder):
        self._folder = folder
        self.labelled = str(folder / "labelled.gz")
        rng = np.random.default_rng(0)
        self.users = [
            [" ".join(rng.choice(_TOPICS[number % 3].split(), 2)) for _ in range(8)]
            for number in range(120)
        ]
        with tf.io.TFRecordWriter(self.labelled, "GZIP") as writer:
            for number, texts in enumerate(self.users):
                example = tf.train.Example()
                features = example.features.feature
                features[BEHAVIORS].bytes_list.value.extend(text.encode() for text in texts)
                likes = (number % 3 == 0) ^ (rng.random() < 0.1)
                features["likes"].int64_list.value.append(int(likes))
                features[weight_name("likes")].float_list.value.append(1.0)
                writer.write(example.SerializeToString())

    def train(self, name, vocabulary, previous=None, **encoder):
        """Returns the folder of the exported model."""
        folder = self._folder / name
        (folder / "assets").mkdir(parents=True)
        lines = (f"{word}\t1\n" for word in vocabulary)
        (folder / "assets" / "vocabulary").write_text("".join(lines))
        ids = {word: number for number, word in enumerate(vocabulary, start=1)}
        transformed = str(folder / "transformed.gz")
        behaviors = [
            [[ids[word] for word in text.split() if word in ids] for text in texts]
            for texts in self.users
        ]
        transformed_users.write_users(transformed, [(each[:4], each[4:]) for each in behaviors])
        asked = {} if previous is None else {"previous": previous}
        encoder = {"dimension": 6, "max_epochs": 1, "batch_size": 32, **encoder}
        heads = {"max_epochs": 20, "learning_rate": 0.02, "members": 1, "refit": False}

        def run(module, kind, files, config, **options):
            module.run_fn(
                FnArgs(
                    train_files=[files],
                    eval_files=[files],
                    serving_model_dir=str(folder / kind),
                    model_run_dir=str(folder / f"{kind}-run"),
                    custom_config={**config, **asked},
                    **options,
                )
            )
            return str(folder / kind)

        encoder = run(
            *(encoder_run, "encoder", transformed, {"encoder": encoder}),
            transform_output=str(folder),
        )
        config = {"heads": heads, "tasks": _TASKS}
        return run(heads_run, "heads", self.labelled, config, base_model=encoder)

    def encode(self, model):
        loaded = tf.saved_model.load(model)
        outputs = loaded.encode(tf.constant(self.users[:60]))
        return {name: value.numpy() for name, value in outputs.items()}


_FUSED = {"latent_semantics": 4, "initial_embeddings": "lsa"}
_ALL = " ".join(_TOPICS).split()


@pytest.fixture(scope="module")
def generations(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder_run.tft, "TFTransformOutput", _Transformed)
        generations = _Generations(tmp_path_factory.mktemp("generations"))
        # The first knows fewer words, and has nobody before it.
        generations.first = generations.train("first", _ALL[:-3], "", max_epochs=0, **_FUSED)
        later = {**_FUSED, "seed": 7}
        generations.aligned = generations.train("aligned", _ALL[::-1], generations.first, **later)
        yield generations


def test_without_an_earlier_model_nothing_is_turned(generations):
    assert read_alignment(generations.first) is None
    assert read_state(generations.first).words == _ALL[:-3]
    assert compatibility_section(generations.first, [generations.labelled], _TASKS) is None


def test_the_next_model_goes_on_and_is_aligned(generations):
    alignment = read_alignment(generations.aligned)
    assert (alignment.previous, alignment.probes) == (generations.first, 120)
    np.testing.assert_allclose(alignment.rotation @ alignment.rotation.T, np.eye(6), atol=1e-5)
    state, first = read_state(generations.aligned), read_state(generations.first)
    assert state.words == _ALL[::-1]
    # One epoch moved them a little, from where they were, though the ids are others.
    for word in ("boots", "oven"):
        now, before = (each.embeddings[each.words.index(word)] for each in (state, first))
        np.testing.assert_allclose(now, before, atol=0.05)
    section = compatibility_section(generations.aligned, [generations.labelled], _TASKS)
    assert section["users"] == section["probes"] == 120
    aligned, unaligned = section["aligned"], section["unaligned"]
    assert aligned["mean_cosine"] > max(0.9, unaligned["mean_cosine"])
    assert aligned["old_heads"]["likes"] > section["old_model"]["likes"] - 0.05


def test_a_model_is_as_compatible_as_can_be_with_itself(generations):
    same = measure(generations.first, generations.first, [generations.labelled], _TASKS)
    assert same["aligned"] is None
    assert same["unaligned"]["mean_cosine"] == pytest.approx(1)
    assert same["unaligned"]["neighbours_across"] == same["neighbours_within"] == 1
    old = same["unaligned"]["old_heads"]["likes"]
    assert old == pytest.approx(same["new_heads"]["likes"]) == same["old_model"]["likes"]


def test_turned_vectors_are_the_same_but_for_the_directions(generations):
    """The heads see what is served, angles are as they were, and nothing is computed more."""
    model = generations.aligned
    served = generations.encode(model)
    encoder = os.path.join(os.path.dirname(model), "encoder")
    plain = generations.encode(encoder)[USER_VECTOR]
    rotation = read_alignment(model).rotation
    np.testing.assert_allclose(served[USER_VECTOR], plain @ rotation, atol=1e-5)
    loaded = tf.saved_model.load(model)
    heads = loaded.heads(served[USER_VECTOR])
    np.testing.assert_allclose(heads["likes"], served["likes"], atol=1e-5)
    assert "rotation:0" not in {variable.name for variable in loaded.graph_variables}


def test_without_a_last_map_the_vectors_are_multiplied():
    class Encoder(ServedModel):
        def outputs(self, behaviors, events):
            lengths = tf.cast(tf.strings.length(behaviors), tf.float32)
            return {USER_VECTOR: lengths[:, :2]}

    head = build_head("likes", 2, HeadsConfig(), np.array([[1.0, 2.0]], np.float32))
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]], np.float32)
    model = ServedHeads(Encoder(), {"likes": head}, turn)
    outputs = model.outputs(
        tf.constant([["abc", "a"]]), {"timestamps": tf.constant([[0, 0]], tf.int64)}
    )
    np.testing.assert_allclose(outputs[USER_VECTOR], [[-1.0, 3.0]], atol=1e-6)
    np.testing.assert_allclose(outputs["likes"], head(np.array([[-1.0, 3.0]])), atol=1e-6)


def test_mistakes_are_named(generations, monkeypatch):
    monkeypatch.setattr(encoder_run.tft, "TFTransformOutput", _Transformed)
    with pytest.raises(WarmStartError, match=r"needs `encoder.dimension: 6`"):
        generations.train("wide", _ALL, generations.first, dimension=8)
    with pytest.raises(WarmStartError, match="is there no more"):
        generations.train("gone", _ALL, str(generations.labelled) + "-gone")
