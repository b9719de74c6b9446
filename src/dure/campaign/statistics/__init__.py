"""The statistics of a campaign: what it found, what its controls found, and what neither can claim.

Everything here is pure: numbers in, numbers out, `rng` passed in. Values are turned beforehand so that more is better
(as in `dure.design.contract.Knowledge`). Counts are whole compounds found; divide by `Hits.k` for recall.

The primary endpoint is fixed before any campaign is scored: how many of the pool's top 1 % were measured when the
last assay was read. A control counts as beaten only when chance explains the difference less than one time in twenty.
"""

from dure.campaign.statistics.controls import (
    Band,
    SeedBand,
    Verdict,
    against_random,
    against_ranking,
    against_seeds,
    random_expectation,
    seed_band,
)
from dure.campaign.statistics.hits import Hits, Yield, yield_of
from dure.campaign.statistics.noise import NoiseCeiling, noise_ceiling, recall_under_noise
from dure.campaign.statistics.quality import Quality, by_group, nearest_neighbour, quality
from dure.campaign.statistics.stopping import Stopping, stopping_curve

__all__ = [
    "Band",
    "Hits",
    "NoiseCeiling",
    "Quality",
    "SeedBand",
    "Stopping",
    "Verdict",
    "Yield",
    "against_random",
    "against_ranking",
    "against_seeds",
    "by_group",
    "nearest_neighbour",
    "noise_ceiling",
    "quality",
    "random_expectation",
    "recall_under_noise",
    "seed_band",
    "stopping_curve",
    "yield_of",
]
