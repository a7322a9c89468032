"""CMCR: contrast keeps what both sensors share, reconstruction what each has of its own.

Cross-Modal Comprehensive Representation Learning (Zhang and Hou, IJCV 2026, arXiv 2412.08973), from
the released code and the method's figure. Both sensors have a *shared* and a *specific* head.
Shared features are contrasted and quantised by one codebook; each decoder gets a sensor's specific
features plus its *quantised* shared ones: images that were partly blacked out, occupancy and
intensity around the points. Backbone apart, everything is discarded after pre-training.
``docs/methods/cmcr.md`` says what is published, what is our interpretation and which faults of
the released code stay out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.methods.base_lidar import ImageToLiDAR
from mrd_plugin.methods.cmcr import losses
from mrd_plugin.methods.contrast.point_pixel import pair_info_nce
from mrd_plugin.ops import replace_masked_cells
from mrd_plugin.structures import PairBatch
from mrd_plugin.utils.errors import ConfigError

WEIGHTS = dict(
    contrast=1.0,
    matching=1.0,
    commitment=1.0,
    image=1.0,
    occupancy=1.0,
    intensity=1.0,
    orthogonality=0.1,
    orthogonality_2d=0.0,
    kl=0.0,
)
KINDS = ('behind', 'front', 'far')


class SensorFeatures(NamedTuple):
    """Both sensors in the shared and in their specific space.

    Attributes:
        points: Shared features of the voxels, unit length, ``(Nv, D)``.
        own_points: Specific ones, ``(Nv, D)``.
        maps: Shared maps of the (masked) images, not normalised, ``(ΣV, D, h, w)``.
        own_maps: Specific ones, ``(ΣV, D, h, w)``.
    """

    points: Tensor
    own_points: Tensor
    maps: Tensor
    own_maps: Tensor


@MODELS.register_module()
class CMCR(ImageToLiDAR):
    """Contrast, common codes, masked images and occupancy.

    Args:
        point_specific_head: Beside ``point_head``; ``in_channels`` is filled in.
        image_specific_head: Beside ``image_head``; ``in_channels`` is filled in.
        codebook: See ``Codebook``.
        image_decoder: See ``ImageDecoder``.
        occupancy_decoder: See ``OccupancyDecoder``.
        num_pairs: Visible pairs that are compared. Defaults to 2048.
        temperature: Of the contrast. Defaults to 0.07.
        beta: Of the commitment. Defaults to 0.25.
        geometry_enhanced: Where an image is masked and points are seen, its codes are replaced by
            theirs, so that the image's error reaches the student; drawn in the paper's figure,
            not in the released code. Defaults to True.
        published_orthogonality: See ``losses.orthogonality``. Defaults to False.
        weights: Of the terms; those that are not given are ``WEIGHTS``. A term of weight 0 is not
            computed. ``orthogonality_2d`` and ``kl`` are drawn in the figure alone.
        **kwargs: See :class:`ImageToLiDAR`.

    Raises:
        ConfigError: If a weight has an unknown name.
    """

    def __init__(
        self,
        *,
        point_specific_head: dict,
        image_specific_head: dict,
        codebook: dict,
        image_decoder: dict,
        occupancy_decoder: dict,
        num_pairs: int = 2048,
        temperature: float = 0.07,
        beta: float = 0.25,
        geometry_enhanced: bool = True,
        published_orthogonality: bool = False,
        weights: Mapping[str, float] | None = None,
        **kwargs,
    ) -> None:
        super().__init__(num_pairs=num_pairs, **kwargs)
        unknown = sorted(set(weights or {}) - set(WEIGHTS))
        if unknown:
            raise ConfigError(f'model.weights: {unknown}; expected some of {sorted(WEIGHTS)}.')
        self.weights = {**WEIGHTS, **(weights or {})}
        self.point_specific_head = self.build_point_head(point_specific_head)
        self.image_specific_head = self.build_image_head(image_specific_head)
        self.codebook = MODELS.build(codebook)
        self.image_decoder = MODELS.build(image_decoder)
        self.occupancy_decoder = MODELS.build(occupancy_decoder)
        self.temperature = temperature
        self.beta = beta
        self.geometry_enhanced = geometry_enhanced
        self.published_orthogonality = published_orthogonality

    def loss(self, batch: PairBatch, data_samples: object = None) -> dict[str, Tensor]:
        """Compute all terms of a batch with masks and queries; in training, move the codebook.

        Returns:
            Weighted terms ``loss_*``, and what to read them against.

        Raises:
            ConfigError: If the batch has no masks or no queries that a term needs.
        """
        features = self.sensor_features(batch)
        pairs = self.draw_pairs(self.visible(batch).nonzero()[:, 0])
        points = self.paired_points(batch, features.points, pairs)
        pixels = F.normalize(self.paired_pixels(batch, features.maps, pairs), dim=1)
        terms = self.pair_terms(self.join(points), self.join(pixels))
        if self.weights['image']:
            terms.update(self.image_terms(batch, features))
        if self.weights['occupancy'] or self.weights['intensity']:
            terms.update(self.occupancy_terms(batch, features))
        terms.update(self.decoupling_terms(features))
        terms['pairs_per_image'] = self.pairs_per_image(batch)
        if self.training:
            chosen = self.codebook.nearest(points), self.codebook.nearest(pixels)
            self.codebook.update(points.detach(), pixels.detach(), *chosen)
        return terms

    def sensor_features(self, batch: PairBatch) -> SensorFeatures:
        """Encode both sensors, images as far as they are not masked."""
        voxels = self.encode_voxels(batch)
        images = batch.images
        if batch.image_masks is not None:
            images = images.masked_fill(batch.image_masks[:, None], 0)
        maps = self.teacher(images)
        assert self.image_head is not None
        return SensorFeatures(
            F.normalize(self.point_head(voxels), dim=1),
            self.point_specific_head(voxels),
            self.image_head(maps),
            self.image_specific_head(maps),
        )

    def visible(self, batch: PairBatch) -> Tensor:
        """Which pairs' pixels are not masked, ``(ΣM,)`` bool."""
        if batch.image_masks is None:
            return torch.ones_like(batch.pair_points, dtype=torch.bool)
        view, row, column = batch.pair_pixels.unbind(1)
        return ~batch.image_masks[view, row, column]

    def pair_terms(self, points: Tensor, pixels: Tensor) -> dict[str, Tensor]:
        """Contrast, code matching and commitment of the drawn pairs ``(N, D)`` of all ranks."""
        weights = self.weights
        book = self.codebook.codes.clone()  # the book moves before the backward pass
        point_codes, pixel_codes = (self.codebook.nearest(rows) for rows in (points, pixels))
        contrast = pair_info_nce(points, pixels, self.temperature)
        matching = losses.code_matching(points, pixels, book)
        own, other = book[point_codes], book[pixel_codes]
        terms = dict(
            loss_contrast=weights['contrast'] * contrast.loss,
            loss_matching=weights['matching'] * matching.loss,
            loss_commitment_points=weights['commitment']
            * losses.commitment(points, own, other, self.beta),
            loss_commitment_pixels=weights['commitment']
            * losses.commitment(pixels, other, own, self.beta),
            match_contrast=contrast.match,
            match_codes=matching.match,
            chance_contrast=contrast.chance,
            perplexity_points=losses.perplexity(point_codes, len(book)),
            perplexity_pixels=losses.perplexity(pixel_codes, len(book)),
            code_agreement=losses.agreement(point_codes, pixel_codes),
        )
        return terms

    def rebuild_images(self, batch: PairBatch, features: SensorFeatures) -> Tensor:
        """Decode the images, ``(ΣV, 3, H, W)`` in (0, 1)."""
        size = (batch.images.shape[2], batch.images.shape[3])
        grid = self.image_decoder.grid(*size)
        maps, own = (
            F.interpolate(one, grid, mode='bilinear', align_corners=True)
            for one in (features.maps, features.own_maps)
        )
        unit = F.normalize(maps, dim=1).permute(0, 2, 3, 1)
        codes = self.codebook.quantise(unit.flatten(0, 2)).values.view(unit.shape)
        codes = codes.permute(0, 3, 1, 2)
        if self.geometry_enhanced and batch.image_masks is not None:
            hidden = (~self.visible(batch)).nonzero()[:, 0]
            values = self.codebook.quantise(
                self.paired_points(batch, features.points, hidden)
            ).values
            codes = replace_masked_cells(
                codes,
                batch.image_masks,
                values,
                batch.pair_pixels[hidden],
                self.image_decoder.stride,
            )
        return self.image_decoder(codes + own, size)

    def image_terms(self, batch: PairBatch, features: SensorFeatures) -> dict[str, Tensor]:
        """Error of the rebuilt images over all pixels, and PSNR where they were masked."""
        if self.training and batch.image_masks is None:
            raise ConfigError(
                'CMCR rebuilds masked images and the batch has no image_masks; put PatchMask '
                'into the pipeline, or set model.weights.image=0.'
            )
        rebuilt = self.rebuild_images(batch, features)
        total = losses.image_error(rebuilt, batch.images)
        terms = dict(
            loss_image=self.weights['image'] * self.joined_mean(total, batch.images.numel())
        )
        if batch.image_masks is not None and batch.image_masks.any():
            terms['psnr_masked'] = losses.masked_psnr(rebuilt, batch.images, batch.image_masks)
        return terms

    def occupancy_terms(self, batch: PairBatch, features: SensorFeatures) -> dict[str, Tensor]:
        """Occupancy and intensity at the queries, and how often each kind of query is right."""
        if batch.query_xyz is None:
            if not self.training:
                return {}
            raise ConfigError(
                'CMCR estimates occupancy and the batch has no queries; put OccupancyQueries into '
                'the pipeline, or set model.weights.occupancy=0 and intensity=0.'
            )
        decoded = features.own_points + self.codebook.quantise(features.points).values
        predicted, query = self.occupancy_decoder.at_queries(
            decoded[batch.point2voxel],
            batch.points[:, :3],
            batch.point_batch,
            batch.query_xyz,
            batch.query_batch,
            batch.batch_size,
        )
        assert batch.query_occupied is not None and batch.query_kind is not None
        occupied = batch.query_occupied[query]
        intensity = None if batch.query_intensity is None else batch.query_intensity[query]
        sums = losses.occupancy_sums(predicted, occupied, intensity)
        right = (predicted[:, 0] > 0) == (occupied > 0.5)
        rates = losses.rate_by_kind(right, batch.query_kind[query], len(KINDS))
        return dict(
            loss_occupancy=self.weights['occupancy'] * self.joined_mean(sums.occupancy, sums.pairs),
            loss_intensity=self.weights['intensity'] * self.joined_mean(sums.intensity, sums.known),
            supports_per_query=predicted.new_tensor(len(query) / max(len(batch.query_xyz), 1)),
            **{f'occupancy_{kind}': rate for kind, rate in zip(KINDS, rates)},
        )

    def decoupling_terms(self, features: SensorFeatures) -> dict[str, Tensor]:
        """Orthogonality of shared and specific features, and the prior on the specific ones."""
        terms = {}
        sides = dict(
            orthogonality=(features.points, features.own_points),
            orthogonality_2d=(
                F.normalize(features.maps, dim=1).permute(0, 2, 3, 1).flatten(0, 2),
                features.own_maps.permute(0, 2, 3, 1).flatten(0, 2),
            ),
        )
        for name, (shared, specific) in sides.items():
            if self.weights[name]:
                moment, rows = self._summed(losses.cross_moment(shared, specific), len(shared))
                terms[f'loss_{name}'] = self.weights[name] * losses.orthogonality(
                    moment, rows, self.published_orthogonality
                )
        if self.weights['kl']:
            own = features.own_points
            terms['loss_kl'] = self.weights['kl'] * losses.moment_kl(
                *self._summed(losses.moment_sums(own), len(own))
            )
        return terms

    def _summed(self, sums: Tensor, rows: int) -> tuple[Tensor, int]:
        """Return sums and numbers of rows over all ranks."""
        own = torch.tensor([rows], device=sums.device)
        return self.join(sums[None]).sum(0), int(self.join(own).sum())
