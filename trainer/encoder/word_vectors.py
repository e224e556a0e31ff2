"""Word2Vec vectors that embeddings start from."""

import numpy as np

# The training of Word2Vec itself; its own defaults but for the skip-gram architecture.
_EPOCHS = 5
_WINDOW = 5


def train_word_vectors(
    sentences, vocabulary_size: int, dimension: int, seed: int = 0
) -> np.ndarray:
    """Trains skip-gram Word2Vec on word ids.

    The vectors are scaled to a root mean square of 1, whatever the corpus, so that what starts
    from them can choose its own scale. Words that do not occur get noise of a tenth of that.

    Example:

    >>> train_word_vectors([[1, 2, 3], [2, 3]], vocabulary_size=4, dimension=8).shape
    (4, 8)

    Args:
        sentences: List of lists of integers, word ids of `1..vocabulary_size`.
        vocabulary_size: Integer, the number of words, without padding.
        dimension: Integer, the size of a vector.
        seed: Integer. The result repeats exactly only where one thread trains; several threads
            train several times as fast and are what is used.

    Returns:
        Float32 array of shape `[vocabulary_size, dimension]`; word `w` owns row `w - 1`.

    Raises:
        ValueError: If the sentences hold no word.
    """
    # Slow to import, and only needed by those who ask for it.
    from gensim.models import Word2Vec

    if not any(len(sentence) for sentence in sentences):
        raise ValueError("`sentences` hold no word to train on.")
    model = Word2Vec(
        sentences,
        vector_size=dimension,
        window=_WINDOW,
        min_count=1,
        sg=1,
        epochs=_EPOCHS,
        seed=seed,
        workers=2,
    )
    learned = model.wv.vectors / np.sqrt(np.mean(np.square(model.wv.vectors)))
    noise = np.random.default_rng(seed).normal(scale=0.1, size=(vocabulary_size, dimension))
    vectors = noise.astype("float32")
    vectors[np.array(model.wv.index_to_key) - 1] = learned
    return vectors
