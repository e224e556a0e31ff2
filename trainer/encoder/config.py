"""The configuration of the encoder and of its training."""

from typing import Any, Literal

import pydantic
from pydantic import Field

from trainer.presets import with_preset


class EncoderConfig(pydantic.BaseModel):
    """Configures the encoder and its training. The defaults are the paper's.

    `preset` starts from a named configuration instead, and what stands beside it overrides it:
    in YAML, `encoder: {preset: small, max_epochs: 4}`.

    Example:
        >>> EncoderConfig(hops=3).dimension
        256
        >>> EncoderConfig.model_validate({'preset': 'small', 'hops': 3}).latent_semantics
        64

    Raises:
        pydantic.ValidationError: If a field is unknown or out of bounds, or the preset is not one
            of `PRESETS`.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    objective: Literal["consistency", "autoencoder", "identity"] = Field(
        "consistency",
        description="What is predicted of a user. consistency: the words of the target (SUMN); "
        "autoencoder: the words of the history itself (SUMN-AE); identity: which training user it "
        "is (SUMN-ID).",
    )
    identity_candidates: Literal["all", "batch"] = Field(
        "all",
        description="Users that the identity objective tells a user from: all training users, or "
        "for many of them those of the same batch.",
    )
    target_weights: Literal["log_count", "uniform"] = Field(
        "log_count",
        description="Weight of a word in the target. log_count: log(1 + count); uniform: every "
        "distinct word alike.",
    )
    aggregator: Literal["multi_hop", "mean", "max", "transformer"] = Field(
        "multi_hop", description="What makes a user vector of a user's behaviours."
    )
    behavior_layer: Literal["none", "relu"] = Field(
        "none",
        description="What every behaviour passes before it is aggregated. relu: a dense layer with "
        "biases and ReLU, as in the official code.",
    )
    dimension: int = Field(256, ge=1, description="Size of embeddings and of the user vector.")
    hops: int = Field(5, ge=1, description="Hops of the multi-hop aggregation.")
    transformer_blocks: int = Field(2, ge=1, description="Blocks of the transformer aggregator.")
    transformer_heads: int = Field(
        4, ge=1, description="Heads of the transformer's attention; must divide the dimension."
    )
    scale_attention: bool = Field(
        False, description="Divide the logits of attention by the square root of the dimension."
    )
    start_as_mean: bool = Field(
        False,
        description="Start W_V from the identity and attention from equal shares, so that the user "
        "vector starts as the mean of the behaviours.",
    )
    supervised_hops: Literal["all", "last"] = Field(
        "all",
        description="Hops that the loss is computed for. The last alone costs a fifth of the time.",
    )
    hop_loss: Literal["sum", "mean"] = Field(
        "sum", description="How the losses of the supervised hops become one."
    )
    projection_units: int | None = Field(
        None,
        ge=1,
        description="Width of f(u), which then has biases, and so have the words; null: the "
        "paper's f(u) = ReLU(W_o u), as wide as u and without biases.",
    )
    word_dropout: float = Field(
        0.0, ge=0, lt=1, description="Share of a history's words that training leaves out."
    )
    behavior_dropout: float = Field(
        0.0, ge=0, lt=1, description="Share of a history's behaviours that training leaves out."
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of f(u) dropped in training.")
    user_dropout: float = Field(
        0.0, ge=0, lt=1, description="Share of u dropped in training, before f."
    )
    initial_embeddings: Literal["random", "word2vec", "lsa", "word2vec+lsa"] = Field(
        "random",
        description="What embeddings start from: noise, or vectors of the training users' words by "
        "Word2Vec, by latent semantic analysis, or three quarters by the one and one by the other.",
    )
    latent_semantics: int = Field(
        0,
        ge=0,
        description="Directions of latent semantic analysis of all of a user's words that are "
        "fused with the multi-hop vector into `dimension` numbers; 0: none.",
    )
    paragraph_vectors: int = Field(
        0,
        ge=0,
        description="Directions of paragraph vectors (Doc2Vec's distributed bag of words), which "
        "are fused with it in the same way; 0: none.",
    )
    channel_weights: Literal["equal", "consistency"] = Field(
        "equal",
        description="How much of each channel is fused. equal: all there is; consistency: what so "
        "many behaviours tell of the user, by what one half of validation users' behaviours tells "
        "of the other half; of users with few behaviours less is believed.",
    )
    full_vector: bool = Field(
        False,
        description="Also serve `user_vector_full`, all channels side by side, larger than the "
        "user vector and a little better.",
    )
    random_cut: bool = Field(
        False,
        description="Draw anew in every epoch the point that divides a user's behaviours into "
        "history and target.",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Arithmetic of training; bfloat16 is mixed precision with float32 weights. "
        "The exported encoder always computes in float32.",
    )
    batch_size: int = Field(256, ge=1, description="Users in a batch.")
    learning_rate: float = Field(0.001, gt=0, description="Learning rate of Adam.")
    max_epochs: int = Field(
        200,
        ge=0,
        description="Epochs after which training ends at the latest; 0 leaves the encoder as it "
        "starts.",
    )
    patience: int = Field(
        5, ge=1, description="Epochs without a better validation loss that end training."
    )
    seed: int = Field(0, ge=0, description="Seed of weights, shuffling, cuts and dropout.")

    @property
    def dtype_policy(self) -> str:
        """The name of the Keras dtype policy of all layers."""
        return {"float32": "float32", "bfloat16": "mixed_bfloat16"}[self.precision]

    @pydantic.model_validator(mode="after")
    def _heads_divide_the_dimension(self) -> "EncoderConfig":
        if self.aggregator == "transformer" and self.dimension % self.transformer_heads:
            raise ValueError(
                f"transformer_heads must divide dimension. Received: {self.transformer_heads} and "
                f"{self.dimension}"
            )
        return self

    @pydantic.model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:
        return with_preset(values, PRESETS)


# What serves fewer users than the paper had: word vectors to start from, LSA beside the hops, and
# training that sees a part of every history only, so that it does not learn users by heart.
_FROM_WORD_VECTORS: dict[str, Any] = {
    "scale_attention": True,
    "start_as_mean": True,
    "supervised_hops": "last",
    "initial_embeddings": "word2vec",
    "random_cut": True,
    "dropout": 0.2,
    "behavior_dropout": 0.3,
    "word_dropout": 0.3,
}

# Configurations by name, as what they change of the defaults; docs/results.md says what of it pays.
PRESETS: dict[str, dict[str, Any]] = {
    # The defaults: for very many users.
    "paper": {},
    # For some thousand users.
    "small": {
        **_FROM_WORD_VECTORS,
        "latent_semantics": 64,
        "paragraph_vectors": 256,
        "channel_weights": "consistency",
        "max_epochs": 20,
    },
    # For tens and hundreds of thousands.
    "medium": {
        **_FROM_WORD_VECTORS,
        "latent_semantics": 128,
        "paragraph_vectors": 256,
        "channel_weights": "consistency",
        "learning_rate": 0.002,
        "max_epochs": 8,
    },
    # What the authors' published code does differently from the paper; from noise too.
    "official": {
        "behavior_layer": "relu",
        "projection_units": 512,
        "user_dropout": 0.1,
        "target_weights": "uniform",
        "hop_loss": "mean",
        "batch_size": 128,
    },
}
