"""The features that alignment compares, and their order by modality.

A batch is image, text and points of the same samples, some of which lack an image or a text. Put in
the order image only, both, text only, every subset that a loss needs is one contiguous range, and
the batch is cut into blocks of rows with the same modalities.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Triplets(NamedTuple):
    """Features of a (gathered) batch, one row per sample.

    Attributes:
        points: Student features ``(N, D)``, with gradient; any float dtype, need not be normalised.
        image: Image features of the teacher ``(N, D)``; must not ask for a gradient.
        text: Text features of the teacher ``(N, D)``, likewise.
        has_image: ``(N,)`` bool; image rows where it is False are not read.
        has_text: ``(N,)`` bool, likewise.

    Examples:
        >>> import torch
        >>> rows, known = torch.eye(3), torch.tensor([True, True, False])
        >>> batch = Triplets(rows, image=rows, text=rows, has_image=known, has_text=known)
        >>> int(batch.has_text.sum())  # the third shape has neither image nor text
        2
    """

    points: Tensor
    image: Tensor
    text: Tensor
    has_image: Tensor
    has_text: Tensor


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
        source: Old row of each new row, ``(n,)``; None if the batch is kept as it is.
        image_only: Number of samples with an image alone.
        both: Number of samples with image and text.
        text_only: Number of samples with a text alone.
    """

    source: Tensor | None
    image_only: int
    both: int
    text_only: int

    @classmethod
    def from_masks(cls, has_image: Tensor, has_text: Tensor) -> SampleOrder:
        """Order a batch by its masks.

        Args:
            has_image: ``(N,)`` bool.
            has_text: ``(N,)`` bool.

        Returns:
            The order; within each of the three parts the old order is kept.
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
        """Range of the samples named 'all', 'image', 'text', 'both', '(image|text)_only'."""
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
        """Return the number of samples in a range of :meth:`span`."""
        start, stop = self.span(samples)
        return stop - start

    def blocks(self, block_size: int) -> Iterator[RowBlock]:
        """Cut the rows into blocks of at most ``block_size`` rows with the same modalities."""
        for samples in ('image_only', 'both', 'text_only'):
            start, stop = self.span(samples)
            for first in range(start, stop, block_size):
                last = min(first + block_size, stop)
                yield RowBlock(first, last, samples != 'text_only', samples != 'image_only')


class OrderedBatch(NamedTuple):
    """Normalised fp32 rows in the order of a :class:`SampleOrder`.

    Attributes:
        order: The order.
        points: ``(n, D)``, with gradient.
        image: ``(n_image, D)``.
        text: ``(n_text, D)``.
    """

    order: SampleOrder
    points: Tensor
    image: Tensor
    text: Tensor

    def of(self, samples: str) -> tuple[Tensor, Tensor, Tensor]:
        """Points, image and text rows of a range of :meth:`SampleOrder.span`.

        Image or text rows are empty where the samples of that range lack the modality.
        """
        start, stop = self.order.span(samples)
        image, text = self.order.span('image'), self.order.span('text')
        return (
            self.points[start:stop],
            self.image[start : min(stop, image[1])],
            self.text[max(start - text[0], 0) : max(stop - text[0], 0)],
        )


def order_batch(batch: Triplets) -> OrderedBatch:
    """Normalise in fp32 (fp64 stays) and bring a batch into the order of its modalities.

    Args:
        batch: Of all ranks.

    Returns:
        Samples with at least one modality.

    Raises:
        ValueError: If shapes differ or a teacher's features ask for a gradient.
    """
    points, image, text, has_image, has_text = batch
    for name, rows in (('image', image), ('text', text)):
        if rows.shape != points.shape:
            raise ValueError(
                f'{name} features have shape {tuple(rows.shape)}, the points '
                f'{tuple(points.shape)}; '
                'give one row of the same dim for each sample (zeros where has_... is False).'
            )
        if rows.requires_grad:
            raise ValueError(f'{name} features ask for a gradient; the teacher must be frozen.')
    order = SampleOrder.from_masks(has_image, has_text)
    start, stop = order.span('image')
    image = normalise(order.take(image)[start:stop])
    start, stop = order.span('text')
    text = normalise(order.take(text)[start:stop])
    return OrderedBatch(order, order.take(normalise(points)), image, text)


def normalise(rows: Tensor) -> Tensor:
    """L2-normalise rows ``(n, D)`` in fp32, or in fp64 if that is what they are."""
    return F.normalize(rows if rows.dtype == torch.float64 else rows.float(), dim=1)
