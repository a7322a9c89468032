"""From a collated batch to tensors on the model's device: shapes, and sweeps with images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.ops.voxelize import COORDINATES, voxelize
from mrd_plugin.structures import PairBatch, PairDataSample
from mrd_plugin.utils.errors import ConfigError

_COLUMNS = {'xyz': [0, 1, 2], 'intensity': [3], 'time': [4]}
_PER_VIEW = ('superpixels', 'image_masks')
_PER_QUERY = ('query_xyz', 'query_occupied', 'query_kind', 'query_intensity')


@MODELS.register_module()
class PairDataPreprocessor(BaseDataPreprocessor):
    """Join samples, sort their points into voxels and make every index one into the joined tensors.

    It works on the device that the model is on. Its keys decide what the network sees: they travel
    in the checkpoint's meta, and a config that contradicts them is refused.

    Args:
        voxel_size: Edges of a voxel along x, y, z in metres, or along radius (metres), azimuth
            (degrees), z (metres). Defaults to (0.1, 0.1, 0.1).
        coordinates: ``'cartesian'`` or ``'cylindrical'``. Defaults to 'cartesian'.
        point_range: X, y, z from and to in metres; points outside leave the batch with their pairs
            and labels, and voxels are counted from its lower corner, as detectors with a fixed grid
            need it. Cartesian only. Defaults to None, no bound.
        voxel_features: What the network is given of a voxel's first point, in order: ``'xyz'``
            (three numbers), ``'intensity'`` (one) and ``'time'`` (one), by which detectors that
            join sweeps tell them apart, in seconds before the keyframe: always 0, since images go
            with keyframes. Defaults to ('intensity',).

    Attributes:
        num_features: Numbers per voxel, C: the ``in_channels`` of the backbone.

    Raises:
        ConfigError: If a key is none of what is described here.
    """

    def __init__(
        self,
        voxel_size: Sequence[float] = (0.1, 0.1, 0.1),
        coordinates: str = 'cartesian',
        point_range: Sequence[float] | None = None,
        voxel_features: Sequence[str] = ('intensity',),
    ) -> None:
        super().__init__()
        if len(voxel_size) != 3 or min(voxel_size) <= 0:
            raise ConfigError(
                f'PairDataPreprocessor voxel_size={voxel_size}: expected three positive numbers.'
            )
        if coordinates not in COORDINATES:
            raise ConfigError(
                f'PairDataPreprocessor coordinates={coordinates!r}: expected one of {COORDINATES}.'
            )
        if not voxel_features or not set(voxel_features) <= set(_COLUMNS):
            raise ConfigError(
                f'PairDataPreprocessor voxel_features={tuple(voxel_features)}: expected some of '
                f'{tuple(_COLUMNS)}.'
            )
        if point_range is not None:
            _check_range(point_range, coordinates)
        self.voxel_size = tuple(voxel_size)
        self.coordinates = coordinates
        self.point_range = None if point_range is None else tuple(point_range)
        self.columns = [column for name in voxel_features for column in _COLUMNS[name]]
        self.num_features = len(self.columns)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Turn a collated batch into model input.

        Args:
            data: ``inputs`` with lists ``points`` of ``(N, 4)`` and ``images`` of uint8 ``(V, 3, H,
                W)`` tensors (or no images), ``data_samples`` a list of PairDataSample.
            training: Unused; part of MMEngine's interface.

        Returns:
            ``inputs`` a :class:`PairBatch`, ``data_samples`` the samples as they came.

        Raises:
            ValueError: If images differ in size, a field is missing in some of the samples, or no
                point lies in ``point_range``.
        """
        data = self.cast_data(data)
        samples: list[PairDataSample] = data['data_samples']
        clouds: list[Tensor] = list(data['inputs']['points'])
        views: list[Tensor] = list(data['inputs'].get('images') or [])
        if len({tuple(one.shape[1:]) for one in views}) > 1:
            raise ValueError(
                'The images of a batch must have one size, got '
                f'{[list(p.shape) for p in views]} '
                '(views, colours, rows, columns); put ResizedCrop into the pipeline.'
            )
        fields = self._joined_points(samples, clouds, views)
        points, point_batch = fields['points'], fields['point_batch']
        origin = None if self.point_range is None else self.point_range[:3]
        voxels = voxelize(
            points[:, :3], point_batch, len(clouds), self.voxel_size, self.coordinates, origin
        )
        images = torch.cat(views) if views else points.new_zeros(0, 3, 0, 0)
        batch = PairBatch(
            voxel_features=F.pad(points[voxels.first], (0, 1))[:, self.columns],  # time 0
            voxel_coords=voxels.coords,
            batch_size=len(clouds),
            point2voxel=voxels.of_point,
            images=images.float() / 255,
            image_batch=_part_of(views, points.device),
            **fields,
            **_joined_extras(samples, points.device),
        )
        return dict(inputs=batch, data_samples=samples)

    def _joined_points(
        self, samples: list[PairDataSample], clouds: list[Tensor], views: list[Tensor]
    ) -> dict[str, Any]:
        """Points inside the range, their samples and labels, and pairs between the joined rows."""
        points = torch.cat(clouds).float()
        point_batch = _part_of(clouds, points.device)
        offsets = _starts(views) if views else [0] * len(samples)
        pixels = [
            s.pair_pixels + s.pair_pixels.new_tensor([n, 0, 0]) for s, n in zip(samples, offsets)
        ]
        pair_points = torch.cat([s.pair_points + n for s, n in zip(samples, _starts(clouds))])
        pair_pixels = torch.cat(pixels)
        labels = _joined(samples, 'point_labels')
        if self.point_range is not None:
            inside = self._inside(points)
            if not inside.any():
                raise ValueError(
                    f'No point of the batch lies in point_range={self.point_range}: samples '
                    f'{[s.get("sample_id") for s in samples]}; is it in metres, in the LiDAR frame?'
                )
            row_after, kept = inside.cumsum(0) - 1, inside[pair_points]
            pair_points, pair_pixels = row_after[pair_points[kept]], pair_pixels[kept]
            points, point_batch = points[inside], point_batch[inside]
            labels = None if labels is None else labels[inside]
        return dict(
            points=points,
            point_batch=point_batch,
            pair_points=pair_points,
            pair_pixels=pair_pixels,
            point_labels=labels,
        )

    def _inside(self, points: Tensor) -> Tensor:
        """Which points ``(N, 4)`` lie in a voxel of the fixed grid, ``(N,)`` bool."""
        assert self.point_range is not None
        lower = points.new_tensor(self.point_range[:3])
        size = points.new_tensor(self.voxel_size)
        grid = ((points.new_tensor(self.point_range[3:]) - lower) / size).round()
        cells = torch.floor((points[:, :3] - lower) / size)
        return ((cells >= 0) & (cells < grid)).all(dim=1)


def _check_range(point_range: Sequence[float], coordinates: str) -> None:
    if coordinates != 'cartesian':
        raise ConfigError(
            f'PairDataPreprocessor point_range={tuple(point_range)} goes with '
            f"coordinates='cartesian', got {coordinates!r}; leave one of them out."
        )
    if len(point_range) != 6 or any(point_range[i] >= point_range[i + 3] for i in range(3)):
        raise ConfigError(
            f'PairDataPreprocessor point_range={tuple(point_range)}: expected x, y, z from and x, '
            'y, z to.'
        )


def _starts(parts: Sequence[Tensor]) -> list[int]:
    """Row at which each part begins once all are joined."""
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + len(part))
    return starts[:-1]


def _part_of(parts: Sequence[Tensor], device: torch.device) -> Tensor:
    """Index of the part that each joined row is from, int64."""
    counts = torch.tensor([len(part) for part in parts], dtype=torch.long, device=device)
    return torch.arange(len(parts), device=device).repeat_interleave(counts)


def _joined_extras(samples: Sequence[PairDataSample], device: torch.device) -> dict[str, Any]:
    """Return the optional fields of views and queries."""
    found = {key: _joined(samples, key) for key in (*_PER_VIEW, *_PER_QUERY)}
    if found['superpixels'] is not None:
        found['superpixels'] = found['superpixels'].long()
    if found['query_xyz'] is not None:
        found['query_batch'] = _part_of([sample.query_xyz for sample in samples], device)
    return found


def _joined(samples: Sequence[PairDataSample], key: str) -> Tensor | None:
    """Return a field of all samples, joined; None if none has it."""
    having = [key in sample for sample in samples]
    if not any(having):
        return None
    if not all(having):
        lacking = [sample.get('sample_id') for sample, has in zip(samples, having) if not has]
        raise ValueError(
            f'{key} is missing in {lacking} and not in the other samples of the batch; give all '
            'data sets one pipeline.'
        )
    return torch.cat([sample.get(key) for sample in samples])


@MODELS.register_module()
class ShapeDataPreprocessor(BaseDataPreprocessor):
    """Stack the points of a batch and move everything to the model's device.

    Points stay as the pipeline made them: normalisation is a transform, so that it is written once
    in the config and travels with the checkpoint.
    """

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Turn a collated batch into model input.

        Args:
            data: ``inputs`` a list of ``(N, C)`` tensors and ``data_samples`` a list of
                ShapeDataSample.
            training: Unused; part of MMEngine's interface.

        Returns:
            ``inputs`` as one float tensor ``(B, N, C)`` and the samples, on the device.

        Raises:
            ValueError: If the clouds of a batch differ in their number of points.
        """
        data = self.cast_data(data)
        inputs = data['inputs']
        if not isinstance(inputs, torch.Tensor):
            sizes = {tuple(points.shape) for points in inputs}
            if len(sizes) > 1:
                raise ValueError(
                    f'The clouds of a batch must have one size, got {sorted(sizes)}; put '
                    'SamplePoints into the pipeline.'
                )
            data['inputs'] = torch.stack(list(inputs))
        return data
