"""The whole way from a user's word ids and events to the user vector."""

import itertools
import logging

import keras
import numpy as np
from keras import ops

from contract.signatures import USER_VECTOR, USER_VECTOR_FULL
from trainer.encoder.config import EncoderConfig
from trainer.encoder.layers import EVENT_LAYERS, BagOfWords, ChannelFusion
from trainer.encoder.layers.event_layers import known_behaviors
from trainer.encoder.word_directions import fit_latent_semantics, fit_paragraph_vectors
from trainer.evenly import evenly

_BATCH = 256

_progress = logging.getLogger("progress")

_PARTS = ("encoder", "bags", "events", "fusion")

# Enough for 569 means and principal components; more would cost memory and change nothing.
_USERS_THAT_FIT = 50_000


@keras.saving.register_keras_serializable(package="sumn")
class UserEncoder(keras.Model):
    """Gives the user vector: the last hop of SUMN's encoder, or its fusion with other channels.

    Args:
        encoder: A `keras.Model` as `build_encoder` makes it.
        bags: Dictionary of names to `BagOfWords`, each a channel of all words; or `None`.
        events: Dictionary of the channels of events to their `EVENT_LAYERS`, in that order, or
            `None`.
        fusion: A `ChannelFusion`; must be there if one of the two is, and not otherwise.

    Call arguments:
        word_ids: Integer tensor of shape `[batch, behaviors, words]`, 0 is padding.
        events: Dictionary of channels to integer tensors of shape `[batch, n]`, numbers as of
            `trainer.text.event_numbers`, 0 is unknown; of a channel that is not in it, and for
            `None`, all are. Those that the encoder does not have are ignored.

    Returns:
        A dictionary with `user_vector`, float32 of shape `[batch, dimension]`, and
        `user_vector_full`, float32 of shape `[batch, size of all channels]`: the channels side by
        side, or the user vector if there is but one.
    """

    def __init__(self, encoder, bags=None, events=None, fusion=None, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.bags = bags or {}
        self.events = events or {}
        self.fusion = fusion

    def call(self, word_ids, events=None):
        """Returns the vectors; the class says of which shape."""
        channels, counts = self.channels(word_ids, events)
        vector = full = channels[0]
        if self.fusion is not None:
            vector, full = self.fusion(channels, counts)
        return {USER_VECTOR: vector, USER_VECTOR_FULL: full}

    def channels(self, word_ids, events=None):
        """Returns every channel by itself.

        Args:
            word_ids: As in a call.
            events: As in a call.

        Returns:
            A list of float32 tensors of shape `[batch, size]`, SUMN's first, and a list of float32
            tensors of shape `[batch]`, of how many behaviours each channel knows something.
        """
        hops = self.encoder(word_ids, training=False)
        channels = [
            ops.cast(hops[:, -1], "float32"),
            *(bag(word_ids) for bag in self.bags.values()),
        ]
        said = ops.sum(ops.cast(ops.any(word_ids > 0, axis=2), "float32"), axis=1)
        counts = [said] * len(channels)
        for name, layer in self.events.items():
            numbers = (events or {}).get(name)
            if numbers is None:
                numbers = ops.zeros((ops.shape(word_ids)[0], 0), "int64")
            channels.append(layer(numbers))
            counts.append(known_behaviors(numbers))
        return channels, counts

    def get_config(self):
        """See base class."""
        parts = {part: getattr(self, part) for part in _PARTS}
        # Not as Keras tracks them.
        parts |= {"bags": dict(self.bags), "events": dict(self.events)}
        parts = {name: keras.saving.serialize_keras_object(part) for name, part in parts.items()}
        return {**super().get_config(), **parts}

    @classmethod
    def from_config(cls, config):
        """See base class."""
        parts = {part: keras.saving.deserialize_keras_object(config[part]) for part in _PARTS}
        return cls(**{**config, **parts})


def fit_user_encoder(
    config: EncoderConfig,
    encoder: keras.Model,
    users,
    events=None,
    others=None,
    phrases=None,
) -> UserEncoder:
    """Adds the other channels that are asked for to a trained encoder, and fits their fusion.

    Example:
        >>> from trainer.encoder.model import build_encoder
        >>> encoder = build_encoder(EncoderConfig(dimension=8), vocabulary_size=4)
        >>> config = EncoderConfig(dimension=8, latent_semantics=2)
        >>> user_encoder = fit_user_encoder(config, encoder, [[[1, 2], [3]], [[2, 4]]])
        >>> {name: tuple(v.shape) for name, v in user_encoder(np.array([[[1, 2]]])).items()}
        {'user_vector': (1, 8), 'user_vector_full': (1, 10)}

    Args:
        config: The encoder's configuration.
        encoder: A `keras.Model` as `build_encoder` makes it, trained.
        users: List of training users: per behaviour its word ids, in the order of time.
        events: Dictionary of the channels of events that are added to lists of int64 arrays, the
            numbers of the same users' behaviours; `None` adds none.
        others: Function of nothing, called only with `channel_weights: consistency`, to the pair
            of the behaviours and the events, both as above, of users that nothing was fitted on.
            How consistent they are tells how much is believed of how many behaviours; `None`
            believes all.
        phrases: Integer array of shape `[vocabulary_size, 2]`, as `parts_of_phrases` makes it;
            `None` says that there are none.

    Returns:
        The `UserEncoder`.
    """
    bags = _bags(config, encoder.get_layer("behavior_embedding").vocabulary_size, users, phrases)
    of_events = {name: EVENT_LAYERS[name]() for name in EVENT_LAYERS if name in (events or {})}
    if not bags and not of_events:
        return UserEncoder(encoder)
    shrinks = config.channel_weights == "consistency" and others is not None
    user_encoder = UserEncoder(encoder, bags, of_events, ChannelFusion(config.dimension, shrinks))
    channels, counts = _encode(user_encoder, _that_fit(users), _each(events, _that_fit))
    halves = None
    if shrinks:
        halves = [_encode(user_encoder, *half) for half in _halves(*others()) if half[0]] or None
    shares = user_encoder.fusion.adapt(channels, counts, halves)
    names = ["hops", *bags, *(f"{name} features" for name in of_events)]
    _progress.info(
        "kept, by the consistency of halves of a user's behaviours: %s",
        ", ".join(f"{name} {share:.0%}" for name, share in zip(names, shares, strict=False))
        or "not measured",
    )
    return user_encoder


def _bags(config: EncoderConfig, vocabulary_size: int, users, phrases) -> dict[str, BagOfWords]:
    """The channels of all words that are asked for."""
    if not (config.latent_semantics or config.paragraph_vectors):
        return {}
    bags = {}
    words = [list(itertools.chain.from_iterable(user)) for user in users]
    if config.latent_semantics:
        bags["latent semantics"] = fit_latent_semantics(
            words, vocabulary_size, config.latent_semantics, config.seed
        )
    if config.paragraph_vectors:
        bags["paragraph vectors"] = fit_paragraph_vectors(
            words, vocabulary_size, config.paragraph_vectors, config.seed, phrases
        )
    return bags


def _that_fit(users):
    return evenly(users, _USERS_THAT_FIT)


def _each(events, function):
    """The channels, each changed by a function of its numbers of all users."""
    return {name: function(numbers) for name, numbers in (events or {}).items()}


def _halves(users, events):
    """Every other behaviour, and the rest, of users that have two; with their events."""
    chosen = _that_fit([i for i, user in enumerate(users) if len(user) > 1])
    return [
        (
            [users[i][start::2] for i in chosen],
            _each(events, lambda of, start=start: [of[i][start::2] for i in chosen]),
        )
        for start in (0, 1)
    ]


def padded(users, events=None):
    """Pads users to tensors.

    Args:
        users: Per user, per behaviour, word ids.
        events: Dictionary of channels to numbers per user; or `None`.

    Returns:
        Int64 array `[users, behaviors, words]`, and a dictionary of channels to such of `[users,
        n]`.
    """
    behaviors = max((len(user) for user in users), default=0)
    words = max((len(behavior) for user in users for behavior in user), default=0)
    ids = np.zeros((len(users), behaviors, words), "int64")
    for row, user in zip(ids, users, strict=True):
        for cell, behavior in zip(row, user, strict=False):
            cell[: len(behavior)] = behavior
    return ids, _each(events, _rows)


def _rows(users):
    rows = np.zeros((len(users), max(map(len, users), default=0)), "int64")
    for row, numbers in zip(rows, users, strict=True):
        row[: len(numbers)] = numbers
    return rows


def _encode(user_encoder: UserEncoder, users, events):
    """All channels of all users, float32 [users, size] each, and the counts, as of `channels`."""
    order = np.argsort([len(user) for user in users], kind="stable")
    batches = []
    for start in range(0, len(order), _BATCH):
        chosen = order[start : start + _BATCH]
        of_chosen = _each(events, lambda of, chosen=chosen: [of[i] for i in chosen])
        batches.append(user_encoder.channels(*padded([users[i] for i in chosen], of_chosen)))
    inverse = np.argsort(order)

    def joined(batches_of_parts):
        return [
            np.concatenate([ops.convert_to_numpy(part) for part in parts])[inverse]
            for parts in zip(*batches_of_parts, strict=True)
        ]

    channels, counts = zip(*batches, strict=True)
    return joined(channels), joined(counts)
