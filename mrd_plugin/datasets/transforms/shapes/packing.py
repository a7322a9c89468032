"""The end of a shape pipeline: the tensors and the data sample that the model gets.

``PackImageText`` leaves the points out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.transforms.shapes.loading import float_colours
from mrd_plugin.structures import ShapeDataSample
from mrd_plugin.utils.errors import ConfigError

_WIDTHS = {'xyz': 3, 'rgb': 3, 'size': 1, 'height': 1}
_META = ('sample_id', 'name', 'text', 'image_path', 'category')


@TRANSFORMS.register_module()
class PackShapeInputs:
    """Pack a sample as ``dict(inputs=FloatTensor (N, C), data_samples=ShapeDataSample)``.

    A sample without colour gets the constant ``no_colour`` of its data set (0.4 outside of one).

    Args:
        channels: Parts of a point, in order: ``'xyz'`` and ``'rgb'``, three numbers each;
            ``'size'``, the natural logarithm of the shape's largest side in metres, the same for
            all its points and 0 where the size is unknown; ``'height'``, z above the floor of the
            points that are packed, as MMDetection3D's detectors of rooms are given it (the floor is
            where 0.99 % of the points are lower). Defaults to ('xyz', 'rgb').

    Attributes:
        columns: Where each channel lies in the inputs.
        width: Numbers per point, C.
    """

    def __init__(self, channels: Sequence[str] = ('xyz', 'rgb')) -> None:
        if not channels or not set(channels) <= set(_WIDTHS):
            raise ConfigError(
                f'PackShapeInputs channels={tuple(channels)}: expected some of {tuple(_WIDTHS)}.'
            )
        self.channels = tuple(channels)
        self.columns: dict[str, slice] = {}
        self.width = 0
        for channel in self.channels:
            self.columns[channel] = slice(self.width, self.width + _WIDTHS[channel])
            self.width += _WIDTHS[channel]

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack one sample."""
        inputs = np.empty((len(results['xyz']), self.width), dtype=np.float32)
        for channel, columns in self.columns.items():
            inputs[:, columns] = _values(channel, results)
        return dict(inputs=torch.from_numpy(inputs), data_samples=pack_sample(results))


def pack_sample(results: dict[str, Any]) -> ShapeDataSample:
    """Everything of a sample but its points."""
    sample = ShapeDataSample(metainfo={key: results.get(key) for key in _META})
    if results.get('image_paths'):
        sample.set_metainfo(dict(image_paths=results['image_paths']))
    sample.label = torch.tensor(results.get('label', -1), dtype=torch.long)
    for key in ('point_labels', 'parts'):
        if key in results:
            sample.set_field(torch.from_numpy(np.array(results[key], dtype=np.int64)), key)
    for key in ('image_feat', 'image_feats', 'text_feat'):
        if results.get(key) is not None:
            feature = torch.from_numpy(np.array(results[key], dtype=np.float32))
            sample.set_field(feature, key)
    return sample


def _values(channel: str, results: dict[str, Any]) -> Any:
    """Return what one part of the points holds, broadcastable to ``(N, width)``."""
    if channel == 'xyz':
        return results['xyz']
    if channel == 'size':
        size = results.get('size')
        return 0.0 if size is None else float(np.log(size))
    if channel == 'height':
        z = results['xyz'][:, 2:]
        return z - np.percentile(z, 0.99)
    rgb = results.get('rgb')
    return results.get('no_colour', 0.4) if rgb is None else float_colours(rgb)


@TRANSFORMS.register_module()
class PackImageText:
    """Pack image and text alone, for a model that learns between the two (``TAMMImageAdapter``).

    Gives ``dict(inputs=FloatTensor (0,), data_samples=ShapeDataSample)``. Without ``LoadShape``
    before it no point is read, unless the features lie in the files of the points.
    """

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack one sample."""
        return dict(inputs=torch.empty(0), data_samples=pack_sample(results))
