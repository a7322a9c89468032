"""What travels with a batch: data samples of shapes and sweeps, and the joined batch of sweeps.

A data sample holds what belongs to one shape or sweep beside its points; :class:`PairBatch` is what
the LiDAR models get: sweeps, their voxels, images and point-pixel pairs.
"""

from __future__ import annotations

from typing import NamedTuple

from mmengine.structures import BaseDataElement
from torch import Tensor


class ShapeDataSample(BaseDataElement):
    """Everything about one shape beside its points.

    Meta information (strings): ``sample_id``, ``name``, ``category``, ``text`` and ``image_path``
    (the last three may be None); with several images also ``image_paths``, a tuple.

    Data fields: ``label`` a LongTensor ``()`` (-1 = none of the classes); optional ``image_feat``
    and ``text_feat`` ``(D,)`` and ``image_feats (V, D)``, the features stored with the sample;
    where points have classes, ``point_labels (N,)`` (-1 = ignored) and ``parts (P,)``, those that
    the category has. ``predict`` adds ``embedding (D,)``, ``scores (K,)``, ``teacher_image (D,)``
    and ``teacher_text (D,)``; a model with two sub-spaces (TAMM) adds ``embedding_image`` and
    ``embedding_text`` ``(D,)``, a segmentor ``pred_labels (N,)``.
    """


class PairDataSample(BaseDataElement):
    """Everything about one sweep of ``N`` points and its ``V`` images beside these themselves.

    Meta information: ``sample_id`` (str), ``num_views`` (int), ``view_names`` (list of the cameras)
    and, if samples before it were bad, ``skipped`` (list of their names).

    Data fields: ``pair_points (M,)`` long, rows of the points, and ``pair_pixels (M, 3)`` long, the
    pixels that see them as (view, row, column). Optional, where the pipeline makes them:
    ``superpixels (V, H, W)`` int32, ids from 0 on that are local to a view, -1 = none;
    ``image_masks (V, H, W)`` bool, True = to be blacked out by the model that reconstructs images
    (the images themselves stay whole, they are its target); ``query_xyz (Q, 3)`` in metres in the
    LiDAR frame, ``query_occupied (Q,)`` 0 or 1, ``query_kind (Q,)`` long (0 behind a return, 1 in
    front of it, 2 far in front), ``query_intensity (Q,)`` (-1 = none); ``point_labels (N,)`` long,
    -1 = ignored.
    """


class PairBatch(NamedTuple):
    """A batch of ``batch_size`` samples on one device; every index is one into the joined tensors.

    Sums run over the samples: ``ΣN`` points, ``ΣV`` images of ``H x W`` pixels, ``ΣM`` pairs,
    ``ΣQ`` queries; the counts may differ from sample to sample. An optional field is there for all
    samples of a batch or is None. Metres, and the LiDAR frame of each sample: x forward (to the
    right on nuScenes), z up, the sensor at the origin.
    """

    voxel_features: Tensor
    """Features of the occupied voxels, ``(Nv, C)``."""
    voxel_coords: Tensor
    """Sample and voxel indices along the three axes, none negative, ``(Nv, 4)``, int32."""
    batch_size: int
    """Number of samples B."""
    points: Tensor
    """x, y, z and intensity, ``(ΣN, 4)``."""
    point_batch: Tensor
    """Sample of each point, ``(ΣN,)``, int64."""
    point2voxel: Tensor
    """Row of each point's voxel in ``voxel_features``, ``(ΣN,)``, int64."""
    images: Tensor
    """Whole images, RGB in [0, 1], ``(ΣV, 3, H, W)``; ``(0, 3, 0, 0)`` if none are loaded."""
    image_batch: Tensor
    """Sample of each image, ``(ΣV,)``, int64."""
    pair_points: Tensor
    """Row in ``points`` of each pair, ``(ΣM,)``, int64."""
    pair_pixels: Tensor
    """Row in ``images``, row and column of the pixel of each pair, ``(ΣM, 3)``, int64."""
    superpixels: Tensor | None = None
    """Label maps, -1 = none, ``(ΣV, H, W)``, int64; ids are local to an image."""
    image_masks: Tensor | None = None
    """True where the model shall black out an image, ``(ΣV, H, W)``, bool."""
    query_xyz: Tensor | None = None
    """Occupancy queries, ``(ΣQ, 3)``."""
    query_batch: Tensor | None = None
    """Sample of each query, ``(ΣQ,)``, int64."""
    query_occupied: Tensor | None = None
    """1 = occupied, 0 = free, ``(ΣQ,)``."""
    query_kind: Tensor | None = None
    """0 = behind a return, 1 = in front of it, 2 = far in front, ``(ΣQ,)``, int64."""
    query_intensity: Tensor | None = None
    """Intensity of the return, -1 = none, ``(ΣQ,)``."""
    point_labels: Tensor | None = None
    """Class of each point, -1 = ignored, ``(ΣN,)``, int64."""
