"""MMEngine's three modes of a model, dispatched in one place."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor


class ThreeModes(BaseModel, metaclass=ABCMeta):
    """A model that is called in MMEngine's modes ``'tensor'``, ``'loss'`` and ``'predict'``."""

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = 'tensor') -> Any:
        """Run one of MMEngine's three modes.

        Args:
            inputs: What the data preprocessor makes of a batch.
            data_samples: One per sample; needed by ``'loss'`` and ``'predict'``.
            mode: ``'loss'``, ``'predict'`` or ``'tensor'``.

        Returns:
            Named losses, samples with predictions, or what :meth:`embed` gives.

        Raises:
            ValueError: If the mode is none of them.
        """
        if mode == 'tensor':
            return self.embed(inputs)
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}.")

    @abstractmethod
    def embed(self, inputs: Any) -> Tensor:
        """Features of a batch: embeddings, logits or voxel features."""

    @abstractmethod
    def loss(self, inputs: Any, data_samples: Any) -> dict[str, Tensor]:
        """Training losses; names that hold ``loss`` are summed, the rest is logged."""

    @abstractmethod
    def predict(self, inputs: Any, data_samples: Any) -> list[Any]:
        """Return the samples with their predictions."""
