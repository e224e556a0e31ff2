"""Word vectors that embeddings start from, learnt from the words of the training users."""

import numpy as np

# The training of Word2Vec itself; its own defaults but for the skip-gram architecture and the
# epochs, of which small corpora need more.
_EPOCHS = 10
_WINDOW = 5


def initial_word_vectors(
    kind: str, sentences, vocabulary_size: int, dimension: int, seed: int = 0, phrases=None
):
    """Makes the vectors that input embeddings start from.

    Word2Vec knows which words stand beside each other; latent semantic analysis which occur at
    the same users, however far apart. `'word2vec+lsa'` gives three quarters of the dimensions to
    the one and a quarter to the other. The vector of a word is multiplied by its inverse document
    frequency (a user is a document), so that in the mean of a behaviour what is said by few counts
    for more.
    What Word2Vec says of a phrase is the mean of its two words' vectors.

    Example:
        >>> users = [[1, 2, 3], [2, 3]]
        >>> initial_word_vectors('word2vec', users, vocabulary_size=4, dimension=8).shape
        (4, 8)

    Args:
        kind: `'word2vec'`, `'lsa'` or `'word2vec+lsa'`.
        sentences: List of lists of integers, one a user: word ids of `1..vocabulary_size` in the
            order of time.
        vocabulary_size: Integer, the number of words, without padding.
        dimension: Integer, the size of a vector.
        seed: Integer. Word2Vec repeats exactly only where one thread trains, and several do.
        phrases: Integer array of shape `[vocabulary_size, 2]`, the two words of a phrase, 0 for
            words; `None` says that there are no phrases.

    Returns:
        Float32 array of shape `[vocabulary_size, dimension]` with a root mean square of 1; word
        `w` owns row `w - 1`.

    Raises:
        ValueError: If the sentences hold no word.
    """
    counts = word_counts(sentences, vocabulary_size)
    idf = inverse_document_frequency(counts)[:, np.newaxis]
    if kind == "word2vec+lsa":
        parts = {"word2vec": dimension - dimension // 4, "lsa": dimension // 4}
    else:
        parts = {kind: dimension}
    trained = {
        "word2vec": lambda size: _word2vec(sentences, vocabulary_size, size, seed, phrases),
        "lsa": lambda size: latent_semantic_vectors(counts, size, seed),
    }
    vectors = [_scaled(idf * trained[part](size)) for part, size in parts.items()]
    return np.concatenate(vectors, axis=1)


def _word2vec(sentences, vocabulary_size: int, dimension: int, seed: int, phrases) -> np.ndarray:
    if phrases is None:
        return train_word_vectors(sentences, vocabulary_size, dimension, seed)
    vectors = train_word_vectors(
        without_phrases(sentences, phrases), vocabulary_size, dimension, seed
    )
    is_phrase = phrases.any(axis=1)
    parts = phrases[is_phrase]
    vectors[is_phrase] = (vectors[parts[:, 0] - 1] + vectors[parts[:, 1] - 1]) / 2
    return vectors


def without_phrases(sentences, phrases) -> list[list[int]]:
    """Leaves out phrases, which in sentences do not stand where their words stand.

    >>> without_phrases([[1, 2, 3]], np.array([[0, 0], [0, 0], [1, 2]]))
    [[1, 2]]

    Args:
        sentences: List of lists of integers, word ids of `1..vocabulary_size`.
        phrases: Integer array of shape `[vocabulary_size, 2]`, as `parts_of_phrases` makes it.

    Returns:
        The sentences' other words.
    """
    is_phrase = phrases.any(axis=1)
    return [[word for word in sentence if not is_phrase[word - 1]] for sentence in sentences]


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
    noise = np.random.default_rng(seed).normal(scale=0.1, size=(vocabulary_size, dimension))
    vectors = noise.astype("float32")
    vectors[np.array(model.wv.index_to_key) - 1] = _scaled(model.wv.vectors)
    return vectors


def latent_semantic_vectors(counts, dimension: int, seed: int = 0) -> np.ndarray:
    """Computes the words' vectors of latent semantic analysis.

    They are the right singular vectors of the users' TF-IDF matrix (Deerwester et al., 1990): the
    mean of a user's words, weighted by their inverse document frequency, is about the user's row
    of that matrix in the `dimension` directions that keep most of it.

    Example:
        >>> counts = word_counts([[1, 2, 3], [2, 3]], vocabulary_size=4)
        >>> latent_semantic_vectors(counts, dimension=2).shape
        (4, 2)

    Args:
        counts: Sparse matrix of shape `[users, vocabulary_size]`, as `word_counts` returns it.
        dimension: Integer, the size of a vector. Directions that the matrix does not have are 0.
        seed: Integer, the seed of the randomised decomposition.

    Returns:
        Float32 array of shape `[vocabulary_size, dimension]`; word `w` owns row `w - 1`.
    """
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.utils.extmath import randomized_svd

    matrix = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    rank = min(dimension, *matrix.shape)
    _, _, directions = randomized_svd(matrix, rank, n_iter=5, random_state=seed)
    vectors = np.zeros((matrix.shape[1], dimension), "float32")
    vectors[:, :rank] = directions.T
    return vectors


def latent_semantic_directions(counts, dimension: int, seed: int = 0) -> np.ndarray:
    """Computes what a word adds to a user's place in latent semantic analysis.

    A user's words, each weighted by `1 + log(count)`, times these directions are the user's TF-IDF
    vector, but for its length, in the directions of `latent_semantic_vectors`.

    Args:
        counts: Sparse matrix of shape `[users, vocabulary_size]`, as `word_counts` returns it.
        dimension: Integer, the number of directions.
        seed: Integer, the seed of the randomised decomposition.

    Returns:
        Float32 array of shape `[vocabulary_size, dimension]`; word `w` owns row `w - 1`.
    """
    idf = inverse_document_frequency(counts)[:, np.newaxis]
    return (idf * latent_semantic_vectors(counts, dimension, seed)).astype("float32")


def inverse_document_frequency(counts) -> np.ndarray:
    """Computes scikit-learn's smooth inverse document frequency; a user is a document.

    Args:
        counts: Sparse matrix of shape `[users, vocabulary_size]`, as `word_counts` returns it.

    Returns:
        Float array of shape `[vocabulary_size]`, `1 + log((1 + n) / (1 + df))`.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    return TfidfTransformer().fit(counts).idf_


def word_counts(sentences, vocabulary_size: int):
    """Counts every user's words.

    Args:
        sentences: List of lists of integers, one a user: word ids of `1..vocabulary_size`.
        vocabulary_size: Integer, the number of words, without padding.

    Returns:
        Sparse float32 matrix of shape `[users, vocabulary_size]`; word `w` owns column `w - 1`.

    Raises:
        ValueError: If the sentences hold no word.
    """
    import scipy.sparse

    ends = np.cumsum([0] + [len(sentence) for sentence in sentences])
    if not ends[-1]:
        raise ValueError("`sentences` hold no word to train on.")
    columns = np.concatenate([np.asarray(sentence, "int64") for sentence in sentences]) - 1
    shape = (len(sentences), vocabulary_size)
    counts = scipy.sparse.csr_matrix((np.ones(ends[-1], "float32"), columns, ends), shape)
    counts.sum_duplicates()
    return counts


def _scaled(vectors: np.ndarray) -> np.ndarray:
    """The vectors with a root mean square of 1."""
    return (vectors / np.sqrt(np.mean(np.square(vectors)))).astype("float32")
