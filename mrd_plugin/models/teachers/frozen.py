"""Modules whose networks stay frozen, whatever the trainer does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class Frozen:
    """A container that hides its content from ``nn.Module``.

    The content is no sub-module: the optimiser, DistributedDataParallel and the checkpoint
    don't see it, and a deep copy of the owner (an EMA model) shares it instead of doubling it.
    """

    def __init__(self, content: Any) -> None:
        self.content = content

    def __deepcopy__(self, memo: dict) -> Frozen:
        return self


class FrozenModule(nn.Module):
    """A module whose networks stay in eval mode, without gradients, outside the state dict."""

    def __init__(self) -> None:
        super().__init__()
        self._frozen: dict[str, Frozen] = {}
        self.register_buffer('_place', torch.zeros(0), persistent=False)
        self._place: torch.Tensor

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self._place.device

    def freeze(self, name: str, network: nn.Module) -> None:
        """Take a network in: eval mode, no gradients, outside the state dict."""
        self._frozen[name] = Frozen(network.eval().requires_grad_(False).to(self.device))

    def network(self, name: str) -> Any:
        """Return the frozen network that :meth:`freeze` took in under this name."""
        return self._frozen[name].content

    def _apply(self, fn: Callable, recurse: bool = True) -> FrozenModule:
        super()._apply(fn, recurse)
        for box in self._frozen.values():
            # Moved, never cast: a half-precision student keeps its teacher.
            box.content.to(self.device)
        return self

    def train(self, mode: bool = True) -> FrozenModule:
        """Stay in eval mode, whatever the trainer asks for."""
        return super().train(False)
