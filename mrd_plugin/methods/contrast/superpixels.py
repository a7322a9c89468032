"""The base of SLidR and ST-SLidR: superpoints and superpixels, pooled and joined over ranks."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mrd_plugin.methods.base_lidar import ImageToLiDAR
from mrd_plugin.methods.contrast.point_pixel import Contrast
from mrd_plugin.ops import segment_mean, unit_pixel_pool
from mrd_plugin.structures import PairBatch
from mrd_plugin.utils.errors import ConfigError


class Superpixels(NamedTuple):
    """The superpixels of a batch that some point is seen in.

    Attributes:
        points: Means of the unit features of their points, ``(K, D)``.
        pixels: Means of the unit features of *all* their pixels, ``(K, D)``.
        semantics: Means of the teacher's own features, ``(K, C)``, if asked for.
    """

    points: Tensor
    pixels: Tensor
    semantics: Tensor | None = None


class SuperpixelPretrainer(ImageToLiDAR):
    """Means over superpixels of both sensors, joined over ranks and compared by :meth:`compare`.

    Args:
        temperature: Defaults to 0.07.
        **kwargs: See :class:`ImageToLiDAR`; all pairs are used.
    """

    def __init__(self, *, temperature: float = 0.07, **kwargs) -> None:
        super().__init__(**kwargs)
        self.temperature = temperature

    def loss(self, batch: PairBatch, data_samples: object = None) -> dict[str, Tensor]:
        """Compute the contrast of a batch.

        Args:
            batch: Of this rank, with superpixels.
            data_samples: Not read.

        Returns:
            ``loss_contrast``, its rate of matches and chance level, pairs and superpixels per
            image.

        Raises:
            ConfigError: If the batch has no superpixels, or of another size than the images.
        """
        found = self.pool(batch, self.teacher_maps(batch))
        semantics = None if found.semantics is None else self.join(found.semantics)
        joined = Superpixels(self.join(found.points), self.join(found.pixels), semantics)
        contrast = self.compare(joined)
        return dict(
            loss_contrast=contrast.loss,
            match_contrast=contrast.match,
            chance_contrast=contrast.chance,
            pairs_per_image=self.pairs_per_image(batch),
            superpixels_per_image=batch.points.new_tensor(
                len(found.points) / max(len(batch.images), 1)
            ),
        )

    @abstractmethod
    def compare(self, superpixels: Superpixels) -> Contrast:
        """Return the loss of the superpixels of the global batch."""

    def teacher_maps(self, batch: PairBatch) -> Tensor:
        """Return the teacher's maps ``(ΣV, C, h, w)``; the superpixels must fit the images."""
        if batch.superpixels is None:
            raise ConfigError(
                f'{type(self).__name__} compares superpixels and the batch has none; put '
                'SLICSuperpixels or LoadSuperpixels into the pipeline.'
            )
        if batch.superpixels.shape != batch.images[:, 0].shape:
            raise ConfigError(
                f'The superpixels have the shape {tuple(batch.superpixels.shape)}, the images '
                f'{tuple(batch.images[:, 0].shape)}: they are of other images.'
            )
        return self.teacher(batch.images)

    def pool(self, batch: PairBatch, maps: Tensor) -> Superpixels:
        """Average both sides over the superpixels that some point is seen in."""
        assert batch.superpixels is not None
        number = int(batch.superpixels.max()) + 1 if batch.superpixels.numel() else 0
        view, row, column = batch.pair_pixels.unbind(1)
        label = batch.superpixels[view, row, column]
        pairs = (label >= 0).nonzero()[:, 0]
        segment = view[pairs] * number + label[pairs]
        voxels = F.normalize(self.point_head(self.encode_voxels(batch)), dim=1)
        points = self.paired_points(batch, voxels, pairs)
        means, counts = segment_mean(points, segment, len(batch.images) * number)
        semantics, known = self.describe(batch, maps, number)
        seen = (counts > 0) & known
        head = torch.nn.Identity() if self.image_head is None else self.image_head
        pixels = unit_pixel_pool(head(maps), batch.superpixels, number)[0]
        return Superpixels(
            means[seen], pixels[seen], None if semantics is None else semantics[seen]
        )

    def describe(self, batch: PairBatch, maps: Tensor, number: int) -> tuple[Tensor | None, Tensor]:
        """Return what else the loss wants to know of each superpixel, and of which it is known.

        Args:
            batch: Of this rank.
            maps: The teacher's, ``(ΣV, C, h, w)``.
            number: Superpixels an image, S.

        Returns:
            ``(ΣV * S, C)`` or None, and a mask that broadcasts over ``ΣV * S``; here nothing, and
            all.
        """
        return None, torch.ones(1, dtype=torch.bool, device=maps.device)
