"""What a word tells of the user who says it, by paragraph vectors."""

import numpy as np

from trainer.encoder.word_vectors import (
    inverse_document_frequency,
    without_phrases,
    word_counts,
)
from trainer.evenly import evenly

# Doc2Vec's distributed bag of words with its own defaults, but for the epochs, as Word2Vec here.
_EPOCHS = 20

# Every user who is learnt from has a vector while it trains; more users teach the words no more.
_USERS = 200_000


def paragraph_vector_directions(
    sentences, vocabulary_size: int, dimension: int, seed: int = 0, phrases=None
) -> np.ndarray:
    """Computes what a word adds to a user's place among paragraph vectors.

    PV-DBOW (Le and Mikolov, "Distributed Representations of Sentences and Documents", 2014) learns
    a vector of every user and an output vector of every word, to predict the words from the user.
    To infer a new user's vector takes many steps of gradient descent; the first of them, from
    nowhere, is along the sum of the output vectors of the user's words less what all users have in
    common. Those centred output vectors are the directions, each times the word's inverse document
    frequency, as those of `latent_semantic_directions` are.

    Example:
        >>> paragraph_vector_directions([[1, 2, 3], [2, 3]], vocabulary_size=4, dimension=8).shape
        (4, 8)

    Args:
        sentences: List of lists of integers, one a user: word ids of `1..vocabulary_size`.
        vocabulary_size: Integer, the number of words, without padding.
        dimension: Integer, the number of directions.
        seed: Integer. The result repeats exactly only where one thread trains, and several do.
        phrases: Integer array of shape `[vocabulary_size, 2]`, as `parts_of_phrases` makes it.
            Phrases get zeros: their words say the same. `None` says that there are none.

    Returns:
        Float32 array of shape `[vocabulary_size, dimension]`; word `w` owns row `w - 1`, zeros if
        nobody said it.

    Raises:
        ValueError: If the sentences hold no word.
    """
    # Slow to import, and only needed by those who ask for it.
    from gensim.models.doc2vec import Doc2Vec, TaggedDocument

    if phrases is not None:
        sentences = without_phrases(sentences, phrases)
    counts = word_counts(sentences, vocabulary_size)
    model = Doc2Vec(
        [
            TaggedDocument([str(word) for word in words], [user])
            for user, words in enumerate(evenly(sentences, _USERS))
        ],
        vector_size=dimension,
        dm=0,
        min_count=1,
        epochs=_EPOCHS,
        seed=seed,
        workers=2,
    )
    words = np.array([int(word) for word in model.wv.index_to_key]) - 1
    frequencies = np.asarray(counts[:, words].sum(axis=0)).ravel()
    common = np.average(model.syn1neg, axis=0, weights=frequencies)
    directions = np.zeros((vocabulary_size, dimension), "float32")
    directions[words] = model.syn1neg - common
    return (directions * inverse_document_frequency(counts)[:, np.newaxis]).astype("float32")
