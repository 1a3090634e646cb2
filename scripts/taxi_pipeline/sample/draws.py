"""Random numbers that are the same on every machine and with every version of numpy.

numpy keeps the raw stream of a bit generator for ever, but not what ``Generator`` makes of it. So
only the raw stream is used, and every distribution is a table: a list of weights or of quantiles.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NULL = int(np.iinfo(np.int64).min)
"""A missing value in a column of integers; becomes null when the file is written."""


class Draws:
    """A stream of independent draws.

    Args:
        seed: the same seed gives the same stream.
    """

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def unit(self, size: int) -> Floats:
        """Uniform in [0, 1): the upper 53 bits of each raw number."""
        raw = np.asarray(self._bits.random_raw(size), dtype=np.uint64)
        return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def between(self, low: float, high: float, size: int) -> Floats:
        """Uniform in [low, high)."""
        return low + (high - low) * self.unit(size)

    def integers(self, low: int, high: int, size: int) -> Ints:
        """Whole numbers from ``low`` up to, but not including, ``high``."""
        return np.floor(self.between(low, high, size)).astype(np.int64)

    def hit(self, probability: float | Floats, size: int) -> Bools:
        """Say yes with the given probability."""
        return np.asarray(self.unit(size) < probability, dtype=np.bool_)

    def pick(self, weights: Sequence[float] | Floats, size: int) -> Ints:
        """Positions in ``weights``, each as often as its weight says."""
        edges = np.cumsum(np.asarray(weights, dtype=np.float64))
        return np.searchsorted(edges / edges[-1], self.unit(size), side="right").astype(np.int64)

    def pick_per_row(self, weights: Floats, rows: Ints) -> Ints:
        """One position per row index, by that row of a matrix of weights."""
        edges = np.cumsum(weights, axis=1)
        width = edges.shape[1]
        flat = (edges / edges[:, -1:] + np.arange(len(edges))[:, None]).ravel()
        found = np.searchsorted(flat, rows + self.unit(len(rows)), side="right")
        return np.asarray(np.minimum(found - rows * width, width - 1), dtype=np.int64)

    def quantiles(self, shares: Sequence[float], values: Sequence[float], size: int) -> Floats:
        """Values whose distribution has the given quantiles, straight lines between them."""
        return np.interp(self.unit(size), shares, values).astype(np.float64)

    def shuffled(self, size: int) -> Ints:
        """Put the numbers 0 to ``size`` - 1 in random order."""
        return np.argsort(self.unit(size), kind="stable").astype(np.int64)
