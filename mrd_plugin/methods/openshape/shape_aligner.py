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
    """

    def __init__(self, *args, loss: dict | None = None, **kwargs) -> None:
        super().__init__(*args, loss=loss or dict(type='AlignLoss'), **kwargs)
