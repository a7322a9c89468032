"""Ridge regression with all its penalties at the price of one."""

from __future__ import annotations

import numpy as np


class RidgePath:
    """Linear least squares with a penalty on the weights, solved once for every penalty.

    Columns are standardised, targets centred. With ``n`` rows the penalty of a ``strength`` is
    ``lambda = strength * trace(X X^T) / n``, so that 1 means as much in any number of columns. Solved
    in the ``n x n`` dual: ``W = X^T (X X^T + lambda I)^-1 Y``.

    Args:
        features (np.ndarray): ``(n, p)``.
        targets (np.ndarray): ``(n, d)``.
    """

    def __init__(self, features: np.ndarray, targets: np.ndarray) -> None:
        self.mean = features.mean(axis=0)
        deviation = features.std(axis=0)
        self.deviation = np.where(deviation > 1e-9, deviation, 1.0)
        self.offset = targets.mean(axis=0)
        self.rows = self._standardise(features)
        kernel = self.rows @ self.rows.T
        self.unit = float(np.trace(kernel)) / len(kernel)
        values, self.vectors = np.linalg.eigh(kernel)
        self.values = np.clip(values, 0, None)
        self.rotated = self.vectors.T @ (targets - self.offset)

    def _standardise(self, features: np.ndarray) -> np.ndarray:
        return (features.astype(np.float64) - self.mean) / self.deviation

    def predict(self, features: np.ndarray, strength: float) -> np.ndarray:
        """Predict the targets ``(m, d)`` of ``features (m, p)`` under one penalty.

        Args:
            features (np.ndarray): ``(m, p)``.
            strength (float): Penalty, > 0, in the unit above.
        """
        shrunk = self.rotated / (self.values + strength * self.unit)[:, None]
        kernel = self._standardise(features) @ self.rows.T
        return self.offset + kernel @ (self.vectors @ shrunk)
