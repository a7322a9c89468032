"""MRD: multi-modal relation distillation (Wang et al., ECCV 2024, arXiv 2407.14007).

The batch is a graph. Alignment ties each shape to its own picture and text; MRD asks in addition that
the *relations* between shapes be those between their pictures and between their texts (intra), and
that a shape relate to the texts as its picture does and to the pictures as its text does (cross).
The weights between modalities and between kinds of relation are learnt. ``docs/mrd_loss.md`` has the
formulas and says which of them are our interpretation.
"""

from __future__ import annotations

from mmengine.registry import MODELS

from mrd_plugin.models.pretrainers.shape_aligner import ShapeAligner


@MODELS.register_module()
class MRD(ShapeAligner):
    """Alignment plus relation distillation; with both relation weights at zero, ``ShapeAligner``.

    Args:
        loss (dict, optional): ``MRDLoss`` and its options. Defaults to ``MRDLoss`` as it is.
        **kwargs: See :class:`ShapeAligner`.
    """

    def __init__(self, *args, loss: dict | None = None, **kwargs) -> None:
        super().__init__(*args, loss=loss or dict(type='MRDLoss'), **kwargs)
