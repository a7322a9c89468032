"""Which samples of a batch have an image, a text or both, and how rows are cut into blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor


class RowBlock(NamedTuple):
    """A run of rows that all have the same modalities."""

    start: int
    stop: int
    has_image: bool
    has_text: bool

    def strips(self, height: int) -> Iterator[RowBlock]:
        """Cut the block into blocks of at most ``height`` rows."""
        for first in range(self.start, self.stop, height):
            yield self._replace(start=first, stop=min(first + height, self.stop))


class SampleOrder(NamedTuple):
    """The batch put in the order image only, image and text, text only.

    In this order every subset that a loss needs is one contiguous range, so that taking a subset of
    rows or columns never copies a similarity block. Samples with neither modality are left out.

    Attributes:
        source (Tensor | None): Old row of each new row, ``(n,)``; None if the batch is kept as it is.
        image_only (int): Number of samples with an image alone.
        both (int): Number of samples with image and text.
        text_only (int): Number of samples with a text alone.
    """

    source: Tensor | None
    image_only: int
    both: int
    text_only: int

    @classmethod
    def from_masks(cls, has_image: Tensor, has_text: Tensor) -> SampleOrder:
        """Order a batch by its masks.

        Args:
            has_image (Tensor): ``(N,)`` bool.
            has_text (Tensor): ``(N,)`` bool.

        Returns:
            SampleOrder: The order; within each of the three parts the old order is kept.
        """
        kinds = torch.full_like(has_image, 3, dtype=torch.long)
        kinds[has_text] = 2
        kinds[has_image] = 0
        kinds[has_image & has_text] = 1
        image_only, both, text_only, neither = torch.bincount(kinds, minlength=4).tolist()
        if both == len(kinds):
            return cls(None, 0, both, 0)
        source = torch.argsort(kinds, stable=True)
        return cls(source[: len(kinds) - neither], image_only, both, text_only)

    def take(self, rows: Tensor) -> Tensor:
        """Put the rows of the batch ``(N, ...)`` into this order, ``(n, ...)``."""
        return rows if self.source is None else rows[self.source]

    def span(self, samples: str) -> tuple[int, int]:
        """Range of the samples named 'all', 'image', 'text', 'both', 'image_only' or 'text_only'."""
        total = self.image_only + self.both + self.text_only
        with_image = self.image_only + self.both
        return {
            'all': (0, total),
            'image': (0, with_image),
            'text': (self.image_only, total),
            'both': (self.image_only, with_image),
            'image_only': (0, self.image_only),
            'text_only': (with_image, total),
        }[samples]

    def count(self, samples: str) -> int:
        """Number of samples in a range of :meth:`span`."""
        start, stop = self.span(samples)
        return stop - start

    def blocks(self, block_size: int) -> Iterator[RowBlock]:
        """Cut the rows into blocks of at most ``block_size`` rows with the same modalities."""
        for samples in ('image_only', 'both', 'text_only'):
            start, stop = self.span(samples)
            for first in range(start, stop, block_size):
                last = min(first + block_size, stop)
                yield RowBlock(first, last, samples != 'text_only', samples != 'image_only')
