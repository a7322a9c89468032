"""Concept distillation: a frozen image encoder taught to a point transformer, without any text.

KD-from-2D (Yao et al. 2022, arXiv 2212.08974): learnable queries extract *concepts* from the point
tokens by cross-attention, and the concepts are aligned with what CLIP's image encoder sees in an
image of the same object or room. No pixel belongs to a point. Neither code nor formulas are
public: ``docs/methods/kd2d.md`` says what is our interpretation, which is nearly everything
below the first sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.methods.base_shape import BasePretrainer
from mrd_plugin.methods.kd2d.concepts import pool_patches
from mrd_plugin.methods.kd2d.reconstruction import chamfer_distance
from mrd_plugin.models.backbones import PatchTokens
from mrd_plugin.ops import gather_rows
from mrd_plugin.structures import ShapeDataSample
from mrd_plugin.utils.errors import ConfigError

TARGETS = ('image', 'concepts')


@MODELS.register_module()
class ConceptDistiller(BasePretrainer):
    """Concepts of a cloud against the concepts of its image.

    A shape's embedding, for zero-shot classification and retrieval, is the mean of its concepts: it
    lives in the teacher's joint space although no text was seen.

    Args:
        backbone: A patch backbone: one with ``forward_tokens``.
        head: ``ConceptHead``.
        target: What concepts are compared with. ``'image'`` (variant A): the mean of the concepts
            with the image's embedding. ``'concepts'`` (variant B): concept by concept with the
            patch tokens that are most like its query (:func:`pool_patches`). Defaults to 'image'.
        loss: ``ConceptLoss`` and its options. Defaults to ``ConceptLoss`` as it is.
        pool_temperature: Of the soft pooling of variant B. Defaults to 0.07.
        reconstruction: ``PatchReconstructionHead``; with it part of each cloud is hidden in
            training and rebuilt, and concepts are read from the rest. Defaults to None: pure
            distillation of whole clouds.
        reconstruction_weight: Weight of the Chamfer distance. Defaults to 1.
        **kwargs: See :class:`BasePretrainer`.

    Raises:
        ConfigError: If the target is unknown or the backbone has no tokens.
    """

    def __init__(
        self,
        *args,
        target: str = 'image',
        loss: dict | None = None,
        pool_temperature: float = 0.07,
        reconstruction: dict | None = None,
        reconstruction_weight: float = 1.0,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        if target not in TARGETS:
            raise ConfigError(f'model.target={target!r}: expected one of {TARGETS}.')
        if not hasattr(self.backbone, 'forward_tokens'):
            raise ConfigError(
                f'model.backbone: {type(self.backbone).__name__} has no patch tokens for concepts '
                'to read; use PointPatchTransformer or PointBERT.'
            )
        self.target = target
        self.criterion = MODELS.build(loss or dict(type='ConceptLoss'))
        self.pool_temperature = pool_temperature
        self.reconstruction = MODELS.build(reconstruction) if reconstruction else None
        self.reconstruction_weight = reconstruction_weight

    def extract_concepts(self, features: PatchTokens) -> Tensor:
        """Read the concepts ``(B, M, D)`` out of the backbone's tokens."""
        return self.head(features.cls, features.tokens, features.centres)

    def embed(self, inputs: Tensor) -> Tensor:
        """Embed points ``(B, N, C)`` in the teacher's space, ``(B, D)``: the concepts' mean."""
        return self.extract_concepts(self.backbone.forward_tokens(inputs)).mean(1)

    def loss(self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]) -> dict[str, Tensor]:
        """Compute the losses of a batch.

        Args:
            inputs: Points ``(B, N, C)`` of this rank.
            data_samples: The shapes' images. Texts play no part; let the pipeline choose none
                (``policy=dict(text='none')``) to spare encoding them.

        Returns:
            ``loss``, with hidden patches also ``loss_reconstruction``, and scalars to log.
        """
        losses: dict[str, Tensor] = {}
        if self.reconstruction is None:
            features = self.backbone.forward_tokens(inputs)
        else:
            features, losses['loss_reconstruction'] = self._rebuild(inputs)
        concepts = self.extract_concepts(features).float()
        points = F.normalize(concepts.mean(1), dim=-1)
        if self.target == 'image':
            image, has_image, *_ = self.teacher(data_samples)
            distances = self.criterion.distances(concepts.mean(1, keepdim=True), image.unsqueeze(1))
        else:
            image, patches, has_image = self.teacher.forward_patches(data_samples)
            queries = self.head.query_embeddings().detach()
            wanted = pool_patches(queries, patches, self.pool_temperature)
            distances = self.criterion.distances(concepts, wanted)
        batch = (gather_rows(rows) for rows in (distances, points, image, has_image))
        return {**self.criterion(*batch), **losses}

    def _rebuild(self, inputs: Tensor) -> tuple[PatchTokens, Tensor]:
        """Tokens of the visible part, and what rebuilding the hidden patches costs."""
        assert self.reconstruction is not None
        cloud = self.reconstruction.hide(inputs)
        features = self.backbone.forward_tokens(cloud.visible)
        rebuilt = self.reconstruction(features.tokens, features.centres, cloud.centres)
        distance = gather_rows(chamfer_distance(rebuilt.float(), cloud.patches).mean(1))
        return features, self.reconstruction_weight * distance.mean()
