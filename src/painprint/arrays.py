"""Types of arrays, by what they hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
"""One dimension."""
Matrix = NDArray[np.float64]
"""Two or more dimensions."""
Single = NDArray[np.float32]
"""In single precision, where there are many values."""
Codes = NDArray[np.int64]
"""Indices: of groups, rows, or runs."""
