"""The end of a pipeline that leaves the points out."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.registry import TRANSFORMS

from mrd_plugin.datasets.transforms.pack_shape_inputs import pack_sample


@TRANSFORMS.register_module()
class PackImageText:
    """Pack image and text alone, for a model that learns between the two (``TAMMImageAdapter``).

    Gives ``dict(inputs=FloatTensor (0,), data_samples=ShapeDataSample)``. Without ``LoadShape`` before it
    no point is read, unless the features lie in the files of the points.
    """

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack one sample."""
        return dict(inputs=torch.empty(0), data_samples=pack_sample(results))
