"""The end of a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.transforms.load_shape import float_colours
from mrd_plugin.structures import ShapeDataSample
from mrd_plugin.utils.errors import ConfigError

_META = ('sample_id', 'name', 'text', 'image_path', 'category')


@TRANSFORMS.register_module()
class PackShapeInputs:
    """Pack a sample as ``dict(inputs=FloatTensor (N, C), data_samples=ShapeDataSample)``.

    A sample without colour gets the constant ``no_colour`` of its data set (0.4 outside of one).

    Args:
        channels (Sequence[str]): Parts of a point, in order; ``'xyz'`` and ``'rgb'`` are known, three
            numbers each. Defaults to ('xyz', 'rgb').
    """

    def __init__(self, channels: Sequence[str] = ('xyz', 'rgb')) -> None:
        if not channels or not set(channels) <= {'xyz', 'rgb'}:
            raise ConfigError(
                f"PackShapeInputs channels={tuple(channels)}: expected 'xyz' and/or 'rgb'."
            )
        self.channels = tuple(channels)

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack one sample."""
        xyz = results['xyz']
        inputs = np.empty((len(xyz), 3 * len(self.channels)), dtype=np.float32)
        for i, channel in enumerate(self.channels):
            values: Any = xyz
            if channel == 'rgb':
                rgb = results.get('rgb')
                values = results.get('no_colour', 0.4) if rgb is None else float_colours(rgb)
            inputs[:, 3 * i : 3 * i + 3] = values
        sample = ShapeDataSample(metainfo={key: results.get(key) for key in _META})
        sample.label = torch.tensor(results.get('label', -1), dtype=torch.long)
        for key in ('image_feat', 'text_feat'):
            if results.get(key) is not None:
                feature = torch.from_numpy(np.array(results[key], dtype=np.float32))
                sample.set_field(feature, key)
        return dict(inputs=torch.from_numpy(inputs), data_samples=sample)
