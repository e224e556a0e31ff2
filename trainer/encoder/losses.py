"""The behavioural consistency loss."""

from keras import ops


def behavioral_consistency_loss(hidden, output_embeddings, target_ids, target_counts):
    """Computes how badly each user's hops predict the words of the user's later behaviours.

    A hop's prediction is a softmax over the vocabulary, the target the smoothed and normalised
    counts of the words:

        p^(w|u) = exp(o_w . f(u)) / sum_w' exp(o_w' . f(u))
        p(w|u) = log(1 + count(w)) / sum_w' log(1 + count(w'))
        loss(u) = sum over hops of KL(p || p^)

    The target stays sparse. Since `p` sums to one,

        KL(p || p^) = sum_w p(w) log p(w) - (sum_w p(w) o_w) . f(u) + logsumexp_w(o_w . f(u))

    where the first two sums run over the words of the target alone, and the second is shared by
    all hops. A user without a target has a loss of 0.

    Example:

    >>> loss = behavioral_consistency_loss(
    ...     hidden=np.zeros((1, 5, 8)),
    ...     output_embeddings=np.zeros((4, 8)),
    ...     target_ids=np.array([[2, 3, 0]]),
    ...     target_counts=np.array([[1, 1, 0]]),
    ... )
    >>> loss  # Every hop predicts 1/4 where the target has 1/2: 5 * log(2).
    [3.4657]

    Args:
        hidden: Float tensor of shape `[batch, hops, dimension]`, `f(u)` of every hop.
        output_embeddings: Float tensor of shape `[vocabulary_size, dimension]`; word `w` owns row
            `w - 1`.
        target_ids: Integer tensor of shape `[batch, words]`, the distinct words of every target;
            0 is padding.
        target_counts: Tensor of shape `[batch, words]`, how often each word occurs.

    Returns:
        Float32 tensor of shape `[batch]`.
    """
    counts = ops.where(ops.equal(target_ids, 0), 0.0, ops.cast(target_counts, "float32"))
    smoothed = ops.log1p(counts)
    total = ops.sum(smoothed, axis=1, keepdims=True)
    has_target = ops.squeeze(total > 0, axis=1)
    target = smoothed / ops.where(total > 0, total, 1.0)
    negative_entropy = ops.sum(target * ops.log(ops.where(target > 0, target, 1.0)), axis=1)

    words = ops.take(output_embeddings, ops.maximum(target_ids - 1, 0), axis=0)
    expected_word = ops.einsum("bk,bkd->bd", ops.cast(target, words.dtype), words)
    expected_logit = ops.cast(ops.einsum("bd,bhd->bh", expected_word, hidden), "float32")

    logits = ops.matmul(hidden, ops.transpose(output_embeddings))
    # Half precision loses the small probabilities that the sum over the vocabulary consists of.
    normalizer = ops.logsumexp(ops.cast(logits, "float32"), axis=-1)

    divergence = ops.expand_dims(negative_entropy, axis=1) - expected_logit + normalizer
    return ops.where(has_target, ops.sum(divergence, axis=1), 0.0)
