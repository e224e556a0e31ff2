"""The behavioural consistency loss."""

from keras import ops

from trainer.encoder.embedding_bag import embedding_bag
from trainer.encoder.normalizer import summed_log_normalizer


def behavioral_consistency_loss(hidden, output_embeddings, target_ids, target_weights):
    """Computes how badly users' hops predict the words of the users' later behaviours.

    A hop's prediction is a softmax over the vocabulary; the target is given by weights, in the
    paper the smoothed counts `log(1 + count(w))` of the target's words:

        p^(w|u) = exp(o_w . f(u)) / sum_w' exp(o_w' . f(u))
        p(w|u) = weight(w) / sum_w' weight(w')
        loss = sum over users and hops of KL(p || p^)

    Neither a dense target nor the logits of all users are ever held. Since `p` sums to one,

        KL(p || p^) = sum_w p(w) log p(w) - (sum_w p(w) o_w) . f(u) + log sum_w exp(o_w . f(u))

    where the first two sums run over the words of the target alone, and the third goes through
    the vocabulary for a few users at a time (`summed_log_normalizer`). A user without a target
    has a loss of 0.

    Example:
        >>> loss = behavioral_consistency_loss(
        ...     hidden=np.zeros((1, 5, 8)),
        ...     output_embeddings=np.zeros((4, 8)),
        ...     target_ids=np.array([[2, 3, 0]]),
        ...     target_weights=np.log1p([[1, 1, 0]]),
        ... )
        >>> round(float(loss), 4)  # Every hop predicts 1/4 where the target has 1/2: 5 * log(2).
        3.4657

    Args:
        hidden: Float tensor of shape `[batch, hops, dimension]`, `f(u)` of every hop.
        output_embeddings: Float tensor of shape `[vocabulary_size, dimension]`; word `w` owns row
            `w - 1`.
        target_ids: Integer tensor of shape `[batch, words]`, the distinct words of every target;
            0 is padding.
        target_weights: Float tensor of shape `[batch, words]`, not negative, how much each word
            counts; padding does not.

    Returns:
        Float32 scalar, the sum over the users.
    """
    weights = ops.where(ops.equal(target_ids, 0), 0.0, ops.cast(target_weights, "float32"))
    total = ops.sum(weights, axis=1, keepdims=True)
    target = weights / ops.where(total > 0, total, 1.0)
    log_target = ops.log(ops.where(target > 0, target, 1.0))
    negative_entropy = hidden.shape[1] * ops.sum(target * log_target)

    expected_word = embedding_bag(output_embeddings, target_ids, target)
    expected_logit = expected_word * ops.cast(ops.sum(hidden, axis=1), expected_word.dtype)

    has_target = ops.cast(total[:, 0] > 0, "float32")
    normalizer = summed_log_normalizer(hidden, output_embeddings, has_target)
    return negative_entropy - ops.sum(ops.cast(expected_logit, "float32")) + normalizer
