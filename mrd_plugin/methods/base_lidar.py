"""The base of all image-to-LiDAR pre-trainers: student, frozen teacher, heads and pairs."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine import dist
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.three_modes import ThreeModes
from mrd_plugin.ops import gather_rows, sample_pixels
from mrd_plugin.structures import PairBatch, PairDataSample
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.precision import in_full_precision


class ImageToLiDAR(ThreeModes):
    """A sparse student on the sweep beside a frozen teacher on its images.

    Subclasses write :meth:`loss`. Every term that is trained has a name with ``loss`` in it, under
    which it is summed and logged; the other entries are logged alone. Terms are those of the global
    batch: rows and sums are joined over ranks in training.

    Args:
        backbone: The student; see ``MinkUNetStudent``. It is the part that is kept.
        teacher: A frozen image backbone; see ``ImageBackboneTeacher``.
        point_head: From the student's features to the shared space, on voxels; ``in_channels`` is
            filled in.
        image_head: From the teacher's map to the shared space; ``in_channels`` is filled in. None
            compares with the teacher's own features.
        num_pairs: Pairs that a step compares, over all ranks, drawn without replacement; None takes
            all. Defaults to None.
        data_preprocessor: Defaults to ``PairDataPreprocessor``.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ConfigError: If the widths of the parts don't fit.
    """

    def __init__(
        self,
        backbone: dict,
        teacher: dict,
        point_head: dict,
        image_head: dict | None = None,
        num_pairs: int | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(data_preprocessor or dict(type='PairDataPreprocessor'), init_cfg)
        self.backbone = MODELS.build(copy.deepcopy(backbone))
        self.teacher = MODELS.build(teacher)
        self.point_head = self.build_point_head(point_head)
        self.image_head = self.build_image_head(image_head) if image_head else None
        self.num_pairs = num_pairs
        given = getattr(self.data_preprocessor, 'num_features', self.backbone.in_channels)
        if given != self.backbone.in_channels:
            raise ConfigError(
                f'model.data_preprocessor.voxel_features gives {given} numbers per voxel, but '
                f'model.backbone.in_channels is {self.backbone.in_channels}.'
            )
        width = self.image_head.out_channels if self.image_head else self.teacher.dim
        if self.point_head.out_channels != width:
            raise ConfigError(
                f'model.point_head.out_channels is {self.point_head.out_channels}, but the image '
                f'side has {width} channels; make them equal.'
            )

    def build_point_head(self, cfg: dict) -> torch.nn.Module:
        """Build a head on the student's features."""
        return MODELS.build({'in_channels': self.backbone.out_channels, **cfg})

    def build_image_head(self, cfg: dict) -> torch.nn.Module:
        """Build a head on the teacher's map."""
        return MODELS.build({'in_channels': self.teacher.dim, **cfg})

    def embed(self, inputs: PairBatch) -> Tensor:
        """Return the student's features at the points, ``(ΣN, C)``."""
        return self.encode_voxels(inputs)[inputs.point2voxel]

    @abstractmethod
    def loss(self, batch: PairBatch, data_samples: object = None) -> dict[str, Tensor]:
        """Compute the named terms of a batch; the data samples are not read."""

    @torch.no_grad()
    def predict(
        self, batch: PairBatch, data_samples: Sequence[PairDataSample]
    ) -> list[PairDataSample]:
        """Give each sample the ``terms`` of its batch, for ``PairTerms`` to average."""
        terms = {name: float(value) for name, value in self.loss(batch).items()}
        for sample in data_samples:
            sample.set_metainfo(dict(terms=terms))
        return list(data_samples)

    @torch.no_grad()
    def shared_space(self, batch: PairBatch) -> tuple[Tensor, Tensor]:
        """Both sides where they are compared, for images of similarities.

        Returns:
            Unit features of the points ``(ΣN, D)`` and the images' maps ``(ΣV, D, h, w)``, not
            normalised; see ``ops.sample_pixels``.
        """
        points = F.normalize(self.point_head(self.encode_voxels(batch)), dim=1)
        return points[batch.point2voxel], self.encode_images(batch.images)

    def encode_voxels(self, batch: PairBatch) -> Tensor:
        """Return the student's features of the voxels, ``(Nv, C)``."""
        return self.backbone(batch.voxel_features, batch.voxel_coords, batch.batch_size)

    def encode_images(self, images: Tensor) -> Tensor:
        """Return maps ``(V, D, h, w)`` of images in the shared space, not normalised.

        Raises:
            ConfigError: If there are no images.
        """
        if len(images) == 0:
            raise ConfigError('The batch holds no images; let the pipeline load them.')
        maps = self.teacher(images)
        return maps if self.image_head is None else self.image_head(maps)

    def draw_pairs(self, candidates: Tensor) -> Tensor:
        """Draw this rank's part of ``num_pairs`` among pairs ``(M,)``; evenly spaced in eval.

        A validation batch is evaluated by itself, so that its loss does not depend on the number of
        ranks.
        """
        if self.num_pairs is None:
            return candidates
        ranks = dist.get_world_size() if self.training else 1
        count = min(-(-self.num_pairs // ranks), len(candidates))
        if self.training:
            return candidates[torch.randperm(len(candidates), device=candidates.device)[:count]]
        step = len(candidates) / max(count, 1)
        return candidates[(torch.arange(count, device=candidates.device) * step).long()]

    def all_pairs(self, batch: PairBatch) -> Tensor:
        """Rows of all pairs, ``(M,)``."""
        return torch.arange(len(batch.pair_points), device=batch.pair_points.device)

    def paired_points(self, batch: PairBatch, voxels: Tensor, pairs: Tensor) -> Tensor:
        """Rows of voxel features ``(Nv, C)`` at the points of some pairs, ``(M, C)``."""
        return voxels[batch.point2voxel[batch.pair_points[pairs]]]

    def paired_pixels(self, batch: PairBatch, maps: Tensor, pairs: Tensor) -> Tensor:
        """Read maps ``(ΣV, D, h, w)`` at the pixels of some pairs, ``(M, D)``."""
        height, width = batch.images.shape[2:]
        return sample_pixels(maps, batch.pair_pixels[pairs], (height, width))

    def join(self, rows: Tensor) -> Tensor:
        """Rows of all ranks in training; of this rank alone in validation."""
        return gather_rows(rows) if self.training else rows

    @in_full_precision
    def joined_mean(self, total: Tensor, count: Tensor | int) -> Tensor:
        """Return a sum over a count, both over all ranks; zero where there is nothing."""
        number = torch.as_tensor(count, dtype=total.dtype, device=total.device).detach()
        both = self.join(torch.stack([total, number])[None]).sum(0)
        return both[0] / both[1].clamp(min=1)

    def pairs_per_image(self, batch: PairBatch) -> Tensor:
        """How many pairs an image has on the average, to be logged."""
        return batch.points.new_tensor(len(batch.pair_points) / max(len(batch.images), 1))
