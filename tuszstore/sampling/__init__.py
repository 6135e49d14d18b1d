"""Selection and order of windows: pure functions of the windows table and a seed.

Signals are not read, so a set can be drawn, counted and reproduced anywhere. The order of an epoch
depends only on the seed and the epoch's number, never on workers, batches or earlier draws.
This package does not use torch.
"""

from tuszstore.sampling.base import Sampler
from tuszstore.sampling.columns import Index, SamplingError
from tuszstore.sampling.events import event_numbers
from tuszstore.sampling.mixed import Mixed
from tuszstore.sampling.neighbours import BlockShuffled
from tuszstore.sampling.samplers import (
    Balanced,
    Sequential,
    Shuffled,
    balanced,
)
from tuszstore.sampling.sets import (
    composition,
    limit_per_patient,
    pos_weight,
    seizure_ratio,
)
from tuszstore.sampling.stratified import Stratified
from tuszstore.sampling.targets import BalancedTargets
from tuszstore.sampling.weighted import Weighted

__all__ = [
    "Balanced",
    "BalancedTargets",
    "BlockShuffled",
    "Index",
    "Mixed",
    "Sampler",
    "SamplingError",
    "Sequential",
    "Shuffled",
    "Stratified",
    "Weighted",
    "balanced",
    "composition",
    "event_numbers",
    "limit_per_patient",
    "pos_weight",
    "seizure_ratio",
]
