"""The logarithm of the softmax's normaliser, summed over hops, without keeping the logits."""

from keras import ops

# Logits that are held at a time, 64 MB in float32.
_LOGITS_AT_A_TIME = 2**24


def summed_log_normalizer(
    hidden, output_embeddings, user_weights, logits_at_a_time: int = _LOGITS_AT_A_TIME
):
    """Computes `sum_u weight_u sum_h log sum_w exp(o_w . f(u)_h)`.

    This is the expensive part of a softmax over the vocabulary: `[users * hops, vocabulary]`
    logits that differentiation would keep. Here they are made for a few users at a time and
    forgotten. Their gradient is made along with them, for the sum over users is a scalar: whatever
    comes from above only scales it, so that nothing need be computed twice, as by methods that
    recompute the logits in the backward pass (Wijmans et al., "Cut Your Losses in Large-Vocabulary
    Language Models", 2024).

    Logits are made in the dtype of `hidden`, and exponentiated and summed in float32: half
    precision loses the small probabilities that the sum over a vocabulary consists of.

    Example:

    >>> summed_log_normalizer(np.zeros((1, 5, 8)), np.zeros((4, 8)), np.ones(1))
    6.9315  # 5 * log(4)

    Args:
        hidden: Float tensor of shape `[users, hops, dimension]`.
        output_embeddings: Float tensor of shape `[vocabulary_size, dimension]`.
        user_weights: Float tensor of shape `[users]`. No gradient reaches it.
        logits_at_a_time: Integer, about how many logits are held at a time; at least `dimension`
            for each word of the vocabulary.

    Returns:
        Float32 scalar.
    """
    user_weights = ops.cast(user_weights, "float32")
    # Makes a tensor of a variable, for which TensorFlow has another protocol of gradients.
    output_embeddings = ops.reshape(output_embeddings, ops.shape(output_embeddings))

    @ops.custom_gradient
    def normalizer(hidden, output_embeddings):
        total, hidden_gradient, output_gradient = _by_chunks(
            hidden, output_embeddings, user_weights, logits_at_a_time
        )

        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            return (
                ops.cast(upstream * hidden_gradient, hidden.dtype),
                ops.cast(upstream * output_gradient, output_embeddings.dtype),
            )

        return total, gradient

    return normalizer(hidden, output_embeddings)


def _by_chunks(hidden, output_embeddings, user_weights, logits_at_a_time):
    """Returns the weighted sum and its gradients by `hidden` and by the embeddings, float32."""
    users = ops.shape(hidden)[0]
    hops, dimension = hidden.shape[1:]
    vocabulary_size = ops.shape(output_embeddings)[0]
    # A chunk of fewer rows than dimensions would cost more to add to the gradient than to make.
    at_most = 1 + logits_at_a_time // (hops * vocabulary_size) + dimension // hops
    # Chunks of like size, at least one and none of them empty; users of no weight fill up the
    # last.
    chunks = 1 + users // at_most
    size = 1 + users // chunks
    missing = chunks * size - users
    hidden = ops.concatenate([hidden, ops.zeros((missing, hops, dimension), hidden.dtype)])
    hidden = ops.reshape(hidden, (chunks, size * hops, dimension))
    weights = ops.concatenate([user_weights, ops.zeros((missing,))])
    weights = ops.repeat(ops.reshape(weights, (chunks, size, 1)), hops, axis=1)

    def add_chunk(index, sums):
        total, hidden_gradient, output_gradient = sums
        rows, weight = hidden[index], weights[index]
        logits = ops.matmul(rows, ops.transpose(output_embeddings))
        logits = ops.cast(logits, "float32")
        probabilities = ops.softmax(logits, axis=-1)
        # The largest probability is exp(0) / sum_w exp(o_w . f(u) - largest logit).
        normalizer = ops.max(logits, axis=-1) - ops.log(ops.max(probabilities, axis=-1))
        probabilities = ops.cast(probabilities, rows.dtype)
        row_gradient = ops.cast(ops.matmul(probabilities, output_embeddings), "float32")
        weighted = ops.cast(ops.cast(rows, "float32") * weight, rows.dtype)
        return (
            total + ops.sum(normalizer * weight[:, 0]),
            ops.scatter_update(hidden_gradient, [[index]], (row_gradient * weight)[None]),
            output_gradient
            + ops.cast(ops.matmul(ops.transpose(probabilities), weighted), "float32"),
        )

    total, hidden_gradient, output_gradient = ops.fori_loop(
        0,
        chunks,
        add_chunk,
        (
            ops.zeros(()),
            ops.zeros((chunks, size * hops, dimension)),
            ops.zeros((vocabulary_size, dimension)),
        ),
    )
    hidden_gradient = ops.reshape(hidden_gradient, (chunks * size, hops, dimension))
    return total, hidden_gradient[:users], output_gradient
