"""Which preset suits how much data."""

from __future__ import annotations

from trainer.encoder.config import PRESETS, EncoderConfig

PRESETS_BY_SIZE = ((0, "small"), (20_000, "medium"), (500_000, "paper"))
"""(users from which it is chosen, preset), in rising order."""

FEWEST_FOR_THE_LETTER = 100_000
"""With fewer users the paper's letter, which starts from noise, does not converge."""


def preset_for(n_users: int, n_behaviors: int) -> str:
    """Chooses a preset by the users that can be learnt from, those with two behaviours.

    Args:
        n_users: Users with events.
        n_behaviors: Events of all of them.

    Returns:
        A key of `PRESETS`; where the one for that size is not there, that of the size below.

    >>> preset_for(2_000, 53_172), preset_for(800_000, 20_000_000)
    ('small', 'paper')
    """
    learnt_from = min(n_users, n_behaviors // 2)
    fitting = [name for fewest, name in PRESETS_BY_SIZE if fewest <= learnt_from]
    return [name for name in fitting if name in PRESETS][-1]


def is_the_letter(config: EncoderConfig) -> bool:
    """Whether all that the presets for fewer users change is as the paper has it."""
    paper = EncoderConfig()
    changed = {key for _, name in PRESETS_BY_SIZE for key in PRESETS.get(name, {})}
    return all(getattr(config, key) == getattr(paper, key) for key in changed)
