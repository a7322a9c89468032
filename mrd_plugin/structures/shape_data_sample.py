"""What travels with one shape's points through a model."""

from __future__ import annotations

from mmengine.structures import BaseDataElement


class ShapeDataSample(BaseDataElement):
    """Everything about one shape beside its points.

    Meta information (strings): ``sample_id``, ``name``, ``category``, ``text`` and ``image_path``
    (the last three may be None); with several images also ``image_paths``, a tuple.

    Data fields: ``label`` a LongTensor ``()`` (-1 = none of the classes); optional ``image_feat`` and
    ``text_feat`` ``(D,)`` and ``image_feats (V, D)``, the features stored with the sample; where points have
    classes, ``point_labels (N,)`` (-1 = ignored) and ``parts (P,)``, those that the category has. ``predict``
    adds ``embedding (D,)``, ``scores (K,)``, ``teacher_image (D,)`` and ``teacher_text (D,)``; a model with
    two sub-spaces (TAMM) adds ``embedding_image`` and ``embedding_text`` ``(D,)``, a segmentor ``pred_labels (N,)``.
    """
