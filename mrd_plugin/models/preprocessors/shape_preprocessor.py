"""Batching of shapes."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.registry import MODELS


@MODELS.register_module()
class ShapeDataPreprocessor(BaseDataPreprocessor):
    """Stack the points of a batch and move everything to the model's device.

    Points stay as the pipeline made them: normalisation is a transform, so that it is written once in
    the config and travels with the checkpoint.
    """

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Turn a collated batch into model input.

        Args:
            data (dict): ``inputs`` a list of ``(N, C)`` tensors and ``data_samples`` a list of
                ShapeDataSample.
            training (bool): Unused; part of MMEngine's interface.

        Returns:
            dict: ``inputs`` as one float tensor ``(B, N, C)`` and the samples, on the device.

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
