"""Layers of the encoder, and the registry of its aggregators."""

from collections.abc import Callable

import keras

from trainer.encoder.config import EncoderConfig
from trainer.encoder.layers.bag_of_words import BagOfWords
from trainer.encoder.layers.behavior_embedding import BehaviorEmbedding
from trainer.encoder.layers.channel_fusion import ChannelFusion
from trainer.encoder.layers.event_layers import EVENT_LAYERS
from trainer.encoder.layers.multi_hop import MultiHopAggregation
from trainer.encoder.layers.pooling import MaxPooling, MeanPooling
from trainer.encoder.layers.rowwise_dense import RowwiseDense
from trainer.encoder.layers.time_features import TimeFeatures
from trainer.encoder.layers.transformer import TransformerAggregation

# An aggregator is a layer that maps behaviours [batch, behaviors, dimension] and their mask to
# hops [batch, hops, dimension], the last of which is the user vector. The registry maps
# `EncoderConfig.aggregator` to a function from the configuration to the layer.
AGGREGATORS: dict[str, Callable[[EncoderConfig], keras.layers.Layer]] = {
    "multi_hop": lambda config: MultiHopAggregation(
        config.hops,
        scale=config.scale_attention,
        start_as_mean=config.start_as_mean,
        dtype=config.dtype_policy,
    ),
    "mean": lambda config: MeanPooling(dtype=config.dtype_policy),
    "max": lambda config: MaxPooling(dtype=config.dtype_policy),
    "transformer": lambda config: TransformerAggregation(
        config.transformer_blocks, config.transformer_heads, dtype=config.dtype_policy
    ),
}

__all__ = [
    "AGGREGATORS",
    "EVENT_LAYERS",
    "BagOfWords",
    "BehaviorEmbedding",
    "ChannelFusion",
    "MaxPooling",
    "MeanPooling",
    "MultiHopAggregation",
    "RowwiseDense",
    "TimeFeatures",
    "TransformerAggregation",
]
