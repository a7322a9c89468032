"""Tri-modal alignment: the baseline that OpenShape and ULIP train.

A shape's embedding is pulled to the frozen embeddings of its image and of its text and pushed from
those of the other shapes in the global batch (OpenShape, arXiv 2305.10764, section 3.2; ULIP, arXiv
2212.05171): the whole method is the loss, two-directional InfoNCE with image and with text.
"""

from __future__ import annotations

from mmengine.registry import MODELS

from mrd_plugin.methods.base_shape import TripletPretrainer


@MODELS.register_module()
class ShapeAligner(TripletPretrainer):
    """Align points with image and text.

    Args:
        loss: Loss module over :class:`Triplets`. Defaults to ``AlignLoss``.
        **kwargs: See :class:`TripletPretrainer`.

    Examples:
        >>> import torch
        >>> from mrd_plugin.structures import ShapeDataSample
        >>> model = ShapeAligner(
        ...     backbone=dict(
        ...         type='PointBERT', in_channels=3, dim=32, depth=1, num_heads=2,
        ...         num_groups=8, group_size=4, encoder_dim=16,
        ...     ),
        ...     head=dict(type='ProjectionHead', in_channels=64, out_channels=5),
        ...     teacher=dict(type='SampleFeatureTeacher', dim=5),
        ... )
        >>> samples = [ShapeDataSample() for _ in range(2)]
        >>> for sample, feature in zip(samples, torch.eye(2, 5)):
        ...     sample.image_feat = sample.text_feat = feature  # stored beforehand
        >>> losses = model(torch.rand(2, 50, 3), samples, mode='loss')
        >>> losses['loss'].requires_grad
        True
        >>> model.eval().predict(torch.rand(2, 50, 3), samples)[0].embedding.shape
        torch.Size([5])
    """

    def __init__(self, *args, loss: dict | None = None, **kwargs) -> None:
        super().__init__(*args, loss=loss or dict(type='AlignLoss'), **kwargs)
