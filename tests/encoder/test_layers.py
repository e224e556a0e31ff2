"""Tests of the layers, on whichever backend Keras runs."""

import keras
import numpy as np
import pytest
from keras import ops

from trainer.encoder.layers import (
    BehaviorEmbedding,
    MaxPooling,
    MeanPooling,
    MultiHopAggregation,
    RowwiseDense,
    TransformerAggregation,
)

AGGREGATIONS = [
    lambda: MultiHopAggregation(3),
    lambda: MultiHopAggregation(3, scale=True),
    MeanPooling,
    MaxPooling,
    lambda: TransformerAggregation(blocks=2, heads=2),
]
IDS = np.array([[[1, 2, 0], [3, 0, 0], [0, 0, 0]], [[4, 4, 1], [0, 0, 0], [0, 2, 0]]])


def embedding():
    layer = BehaviorEmbedding(vocabulary_size=4, dimension=2)
    layer.build((None, None, None))
    layer.embeddings.assign([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [-3.0, 0.0]])
    return layer


def behaviors(users=4, count=6, dimension=8):
    rng = np.random.default_rng(0)
    mask = rng.random((users, count)) < 0.6
    mask[0] = True
    mask[-1] = False
    return rng.normal(size=(users, count, dimension)).astype("float32"), mask


def naive_multi_hop(layer, behaviors, mask):
    """The paper's equations, one user and one behaviour at a time."""

    def normalize(x, normalization):
        gamma, beta = (ops.convert_to_numpy(weight) for weight in normalization.weights)
        return (x - x.mean()) / np.sqrt(x.var() + 1e-6) * gamma + beta

    key_weights = ops.convert_to_numpy(layer.key_projection.kernel)
    value_weights = ops.convert_to_numpy(layer.value_projection.kernel)
    start = ops.convert_to_numpy(layer.initial_memory)
    outputs = np.zeros((len(behaviors), layer.hops, behaviors.shape[-1]))
    for user, (rows, present) in enumerate(zip(behaviors, mask, strict=True)):
        rows = rows[present]
        keys = [normalize(e @ key_weights, layer.key_normalization) for e in rows]
        values = [normalize(e @ value_weights, layer.value_normalization) for e in rows]
        memory = query = start
        for hop in range(layer.hops):
            logits = np.array([key @ query for key in keys], "float64")
            logits /= np.sqrt(len(start)) if layer.scale else 1
            exponentials = [np.exp(logit - logits.max()) for logit in logits]
            for exponential, value in zip(exponentials, values, strict=True):
                memory = memory + exponential / sum(exponentials) * value
            query = normalize(memory, layer.user_normalization)
            outputs[user, hop] = query
    return outputs


def test_embedding_is_the_mean_of_the_words():
    embeddings, mask = embedding()(IDS)
    expected = [[[2, 3], [5, 6], [0, 0]], [[-5 / 3, 2 / 3], [0, 0], [3, 4]]]
    np.testing.assert_allclose(embeddings, expected, atol=1e-6)
    np.testing.assert_array_equal(mask, [[True, True, False], [True, False, True]])


def test_embedding_ignores_where_padding_stands():
    wide = np.zeros((2, 3, 9), int)
    wide[:, :, 1::3] = IDS
    for ours, theirs in zip(embedding()(wide), embedding()(IDS), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 0, 3), (2, 3, 0), (2, 0, 0)])
def test_embedding_of_nothing(shape):
    embeddings, mask = embedding()(np.zeros(shape, int))
    np.testing.assert_array_equal(embeddings, np.zeros((*shape[:2], 2)))
    np.testing.assert_array_equal(mask, np.zeros(shape[:2], bool))


def test_embedding_rejects_sizes():
    with pytest.raises(ValueError, match="positive"):
        BehaviorEmbedding(vocabulary_size=0, dimension=4)


@pytest.mark.parametrize("shape", [(5, 8), (2, 3, 8), (2, 3, 0, 8), (0, 3, 8)])
def test_rowwise_dense_is_a_dense_layer(gradients, shape):
    inputs = np.random.default_rng(0).normal(size=shape).astype("float32")
    layer = RowwiseDense(4, "relu", use_bias=False)
    layer.build(shape)
    kernel = ops.convert_to_numpy(layer.kernel)
    outputs = layer(inputs)
    np.testing.assert_allclose(outputs, np.maximum(inputs @ kernel, 0), rtol=1e-5, atol=1e-6)
    assert layer(keras.Input((None, None, 8))).shape == (None, None, None, 4)
    (gradient,) = gradients(lambda x: ops.sum(layer(x)), [inputs])
    np.testing.assert_allclose(gradient, (inputs @ kernel > 0) @ kernel.T, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [False, True])
def test_multi_hop_agrees_with_the_papers_equations(scale):
    inputs, mask = behaviors()
    layer = MultiHopAggregation(5, scale=scale)
    layer.build(inputs.shape)
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(rng.normal(scale=0.5, size=weight.shape))
    np.testing.assert_allclose(
        layer(inputs, mask=mask), naive_multi_hop(layer, inputs, mask), atol=1e-5
    )


def test_multi_hop_by_hand():
    # Of two dimensions, layer normalisation leaves only the sign of the difference.
    layer = MultiHopAggregation(2)
    layer.build((1, 2, 2))
    layer.key_projection.kernel.assign(np.eye(2))
    layer.value_projection.kernel.assign([[0.0, 1.0], [1.0, 0.0]])
    layer.initial_memory.assign([1.0, 0.0])
    inputs = np.array([[[3.0, 1.0], [0.0, 5.0]]], "float32")
    # Keys (1, -1), (-1, 1); values (-1, 1), (1, -1). The first logits are 1 and -1.
    share = np.tanh(1)
    memory = np.array([1 - share, share])
    first = np.sign(memory[0] - memory[1]) * np.array([1, -1])
    memory = memory + np.tanh(2 * first[0]) * np.array([-1, 1])
    second = np.sign(memory[0] - memory[1]) * np.array([1, -1])
    result = layer(inputs, mask=np.ones((1, 2), bool))
    np.testing.assert_allclose(result, [[first, second]], atol=1e-4)


def test_multi_hop_can_start_as_the_mean():
    layer = MultiHopAggregation(3, scale=True, start_as_mean=True)
    inputs = np.array([[[2.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0]]], "float32")
    layer.build(inputs.shape)
    layer.initial_memory.assign([0.0, 0.0, 9.0, -9.0])
    # Normalised, the behaviours are (3, -1, -1, -1) / sqrt(3) and (-1, 3, -1, -1) / sqrt(3);
    # each hop adds their mean, (1, 1, -1, -1) / sqrt(3), whatever the memory asks for.
    memory = np.array([0, 0, 9, -9]) + np.outer([1, 2, 3], [1, 1, -1, -1]) / np.sqrt(3)
    expected = memory / memory.std(axis=1, keepdims=True)
    np.testing.assert_allclose(layer(inputs, mask=np.ones((1, 2), bool)), [expected], atol=1e-4)


def test_pooling_by_hand():
    inputs = np.array([[[1.0, 4.0], [3.0, -2.0], [9.0, 9.0]], [[-1.0, -2.0]] * 3])
    mask = np.array([[True, True, False], [True, False, False]])
    np.testing.assert_allclose(MeanPooling()(inputs, mask=mask), [[[2, 1]], [[-1, -2]]])
    np.testing.assert_allclose(MaxPooling()(inputs, mask=mask), [[[3, 4]], [[-1, -2]]])


@pytest.mark.parametrize("make", AGGREGATIONS)
def test_padding_and_other_users_change_nothing(make):
    inputs, mask = behaviors()
    layer = make()
    expected = ops.convert_to_numpy(layer(inputs, mask=mask))
    assert expected.shape == layer.compute_output_shape(inputs.shape)
    padded = np.concatenate([np.full((4, 3, 8), 7, "float32"), inputs], axis=1)
    wider = np.concatenate([np.zeros((4, 3), bool), mask], axis=1)
    np.testing.assert_allclose(layer(padded, mask=wider), expected, atol=1e-5)
    garbage = np.where(mask[..., None], inputs, 1e3).astype("float32")
    np.testing.assert_allclose(layer(garbage, mask=mask), expected, atol=1e-5)
    np.testing.assert_allclose(layer(inputs[1:2], mask=mask[1:2]), expected[1:2], atol=1e-5)


@pytest.mark.parametrize("make", AGGREGATIONS)
def test_order_of_behaviors_does_not_matter(make):
    inputs, mask = behaviors()
    layer = make()
    expected = ops.convert_to_numpy(layer(inputs, mask=mask))
    np.testing.assert_allclose(layer(inputs[:, ::-1], mask=mask[:, ::-1]), expected, atol=1e-5)


@pytest.mark.parametrize("make", AGGREGATIONS)
def test_users_without_behaviors(make):
    layer = make()
    masked = ops.convert_to_numpy(layer(np.ones((2, 3, 8)), mask=np.zeros((2, 3), bool)))
    absent = ops.convert_to_numpy(layer(np.ones((2, 0, 8)), mask=np.zeros((2, 0), bool)))
    np.testing.assert_allclose(masked, absent)
    expected = np.zeros(8)
    if isinstance(layer, MultiHopAggregation):
        expected = ops.convert_to_numpy(
            layer.user_normalization(ops.expand_dims(layer.initial_memory, 0))
        )[0]
    np.testing.assert_allclose(masked, np.broadcast_to(expected, masked.shape), atol=1e-6)


@pytest.mark.parametrize("make", AGGREGATIONS)
def test_gradient_agrees_with_finite_differences(gradients, finite_differences, make):
    keras.utils.set_random_seed(1)
    inputs, mask = behaviors()
    layer = make()
    direction = np.random.default_rng(1).normal(size=layer(inputs, mask=mask).shape)

    def function(x):
        return ops.sum(layer(x, mask=mask) * direction.astype("float32"))

    (gradient,) = gradients(function, [inputs])
    for index, expected in finite_differences(function, [inputs], 0, step=1e-2):
        np.testing.assert_allclose(gradient[index], expected, rtol=0.02, atol=0.02)


def naive_transformer(layer, behaviors, mask):
    """The paper's blocks, one user, head and behaviour at a time."""

    def array(weight):
        return ops.convert_to_numpy(weight).astype("float64")

    def normalize(x, normalization):
        gamma, beta = map(array, normalization.weights)
        return (x - x.mean()) / np.sqrt(x.var() + 1e-6) * gamma + beta

    def network(x, dense):
        return x @ array(dense.kernel) + array(dense.bias)

    users = []
    for rows, present in zip(behaviors.astype("float64"), mask, strict=True):
        x = list(rows[present])
        for before_attention, before_network, attention, widening, narrowing in layer.block_layers:
            y = [normalize(row, before_attention) for row in x]
            query, kq, key, kk, value, kv, output, ko = map(array, attention.weights)
            attended = []
            for row in y:
                total = ko.copy()
                for head in range(layer.heads):
                    q = row @ query[:, head] + kq[head]
                    logits = [
                        q @ (other @ key[:, head] + kk[head]) / np.sqrt(len(q)) for other in y
                    ]
                    shares = np.exp(logits) / np.exp(logits).sum()
                    mixed = sum(
                        share * (other @ value[:, head] + kv[head])
                        for share, other in zip(shares, y, strict=True)
                    )
                    total += mixed @ output[head]
                attended.append(total)
            x = [row + more for row, more in zip(x, attended, strict=True)]
            x = [
                row
                + network(
                    np.maximum(network(normalize(row, before_network), widening), 0), narrowing
                )
                for row in x
            ]
        mean = np.mean(x, axis=0) if x else np.zeros(behaviors.shape[-1])
        users.append([normalize(mean, layer.user_normalization)])
    return users


def test_transformer_agrees_with_its_equations():
    inputs, mask = behaviors()
    layer = TransformerAggregation(blocks=2, heads=2)
    layer.build(inputs.shape)
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(rng.normal(scale=0.3, size=weight.shape))
    assert len(layer.trainable_weights) == 2 * (2 * 2 + 8 + 2 * 2) + 2
    np.testing.assert_allclose(
        layer(inputs, mask=mask), naive_transformer(layer, inputs, mask), atol=1e-4
    )


@pytest.mark.parametrize("options", [{"blocks": 0}, {"heads": 0}])
def test_transformer_rejects(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        TransformerAggregation(**options)


def test_transformer_rejects_heads_that_do_not_divide():
    with pytest.raises(ValueError, match="divide"):
        TransformerAggregation(heads=3).build((1, 2, 8))


@pytest.mark.parametrize(
    "make", [*AGGREGATIONS, lambda: BehaviorEmbedding(9, 4), lambda: RowwiseDense(4, "relu")]
)
def test_config_round_trip(make):
    layer = make()
    config = layer.get_config()
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(restored) is type(layer)
    assert restored.get_config() == config


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("make", AGGREGATIONS)
def test_mixed_precision_stays_near_single(make, policy):
    inputs, mask = behaviors()
    layer = make()
    expected = ops.convert_to_numpy(layer(inputs, mask=mask))
    half = type(layer).from_config({**layer.get_config(), "dtype": policy})
    half.build(inputs.shape)
    half.set_weights(layer.get_weights())
    result = ops.convert_to_numpy(ops.cast(half(inputs, mask=mask), "float32"))
    np.testing.assert_allclose(result, expected, atol=0.15)
    empty = half(np.zeros((1, 0, 8)), mask=np.zeros((1, 0), bool))
    assert np.all(np.isfinite(ops.convert_to_numpy(ops.cast(empty, "float32"))))


def test_multi_hop_rejects_no_hops():
    with pytest.raises(ValueError, match="hops"):
        MultiHopAggregation(0)
