"""The base of all backbones that cut a cloud into patches."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mrd_plugin.ops import three_interpolate


class PatchTokens(NamedTuple):
    """What a patch backbone knows of a cloud."""

    centres: Tensor
    """Patch centres, ``(B, S, 3)``, in the frame and unit of the input."""
    tokens: Tensor
    """Patch features, ``(B, S, C)``."""
    cls: Tensor
    """Class token: the feature of the whole shape, ``(B, C)``."""


class PatchBackbone(BaseModule, metaclass=ABCMeta):
    """Patches and a transformer; subclasses write :meth:`encode` and :meth:`forward`.

    Args:
        in_channels: Channels of the points.
        token_channels: Width C of class token and patch tokens.
        depth: Transformer blocks.
        init_cfg: MMEngine's initialisation config.
    """

    def __init__(
        self,
        in_channels: int,
        token_channels: int,
        depth: int,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.token_channels = token_channels
        self.depth = depth

    @abstractmethod
    def encode(
        self, points: Tensor, depths: Sequence[int], keep: int | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Encode points and keep the sequence after each of some depths.

        Args:
            points: ``(B, N, in_channels)``.
            depths: Rising numbers of blocks, each in ``1..depth``.
            keep: Length of the last sequence, if its end is not needed.

        Returns:
            Centres ``(B, S, 3)`` and for each depth the sequence ``(B, 1 + S, C)``, class token
            first, normalised as the last one is.
        """

    def forward_cls(self, points: Tensor) -> Tensor:
        """Encode points ``(B, N, in_channels)`` to the class token alone, ``(B, C)``.

        The last block then computes that one token: same value, less work.
        """
        check_channels(self, points)
        _, (sequence,) = self.encode(points, (self.depth,), keep=1)
        return sequence[:, 0]

    def forward_tokens(self, points: Tensor) -> PatchTokens:
        """Encode points ``(B, N, in_channels)`` to patch tokens, their centres and class token."""
        check_channels(self, points)
        centres, (sequence,) = self.encode(points, (self.depth,))
        return PatchTokens(centres, sequence[:, 1:], sequence[:, 0])

    def forward_features(self, points: Tensor) -> tuple[PatchTokens, ...]:
        """Encode points to their feature pyramid: the tokens after each third of the blocks.

        Args:
            points: ``(B, N, in_channels)``.

        Returns:
            Shallow to deep; the last is :meth:`forward_tokens`.
        """
        check_channels(self, points)
        centres, sequences = self.encode(points, self.level_depths)
        return tuple(PatchTokens(centres, x[:, 1:], x[:, 0]) for x in sequences)

    def forward_points(self, points: Tensor) -> Tensor:
        """Give each point its feature: all levels, carried over from the three nearest centres.

        Args:
            points: ``(B, N, in_channels)``.

        Returns:
            ``(B, N, point_channels)``, levels of :meth:`forward_features` in their order.
        """
        levels = self.forward_features(points)
        tokens = torch.cat([level.tokens for level in levels], dim=-1)
        return three_interpolate(points[..., :3].float(), levels[0].centres, tokens)

    @property
    def level_depths(self) -> tuple[int, ...]:
        """Numbers of blocks after which a level of the pyramid is taken (Point-BERT: 4, 8, 12)."""
        return tuple(sorted({max(1, self.depth * third // 3) for third in (1, 2, 3)}))

    @property
    def point_channels(self) -> int:
        """Width of :meth:`forward_points`."""
        return self.token_channels * len(self.level_depths)


def check_channels(backbone: nn.Module, points: Tensor) -> None:
    """Refuse points whose channels are not those of the config.

    Args:
        backbone: Has ``in_channels``.
        points: ``(B, N, C)``.

    Raises:
        ValueError: If C is not ``in_channels``.
    """
    if points.shape[-1] != backbone.in_channels:
        raise ValueError(
            f'{type(backbone).__name__} has in_channels = {backbone.in_channels} but the points '
            f'have {points.shape[-1]} channels; change backbone.in_channels or PackShapeInputs.'
        )
