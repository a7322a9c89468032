"""What the LiDAR models get: a batch of sweeps, their voxels, pictures and point–pixel pairs."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class PairBatch(NamedTuple):
    """A batch of ``batch_size`` samples on one device; every index is one into the joined tensors.

    Sums run over the samples: ``ΣN`` points, ``ΣV`` pictures of ``H x W`` pixels, ``ΣM`` pairs, ``ΣQ``
    queries; the counts may differ from sample to sample. An optional field is there for all samples
    of a batch or is None. Metres, and the LiDAR frame of each sample: x forward (to the right on
    nuScenes), z up, the sensor at the origin.
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
    """Whole pictures, RGB in [0, 1], ``(ΣV, 3, H, W)``; ``(0, 3, 0, 0)`` if the pipeline loads none."""
    image_batch: Tensor
    """Sample of each picture, ``(ΣV,)``, int64."""
    pair_points: Tensor
    """Row in ``points`` of each pair, ``(ΣM,)``, int64."""
    pair_pixels: Tensor
    """Row in ``images``, row and column of the pixel of each pair, ``(ΣM, 3)``, int64."""
    superpixels: Tensor | None = None
    """Label maps, -1 = none, ``(ΣV, H, W)``, int64; ids are local to a picture."""
    image_masks: Tensor | None = None
    """True where the model shall black out a picture, ``(ΣV, H, W)``, bool."""
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
