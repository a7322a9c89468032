"""Losses of concept distillation: concepts against their targets, the pooled shape against pictures.

The source (Yao et al. 2022, arXiv 2212.08974) says that concept features are compared with the
image's semantic information, not how: every formula here is INTERPRETATION
(docs/concept_distillation.md).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.models.losses.align_loss import AlignLoss
from mrd_plugin.utils.errors import ConfigError

FORMS = ('cosine', 'l2', 'smooth_l1')


@MODELS.register_module()
class ConceptLoss(nn.Module):
    """Distance of concepts to targets, and InfoNCE of pooled concepts with picture embeddings.

    ``loss = concept_weight mean_n d_n + contrast_weight InfoNCE(points, image)`` over the samples
    with a picture. The distance ``d`` of a sample is the mean over its concepts ``c`` and targets
    ``t`` (unit length, D numbers) of

    - ``'cosine'``: ``1 - cos(c, t)``;
    - ``'l2'``: the mean over D of the squared error between ``c`` and ``sqrt(D) t``, so that the
      numbers compared are of order 1 and ``c = 0`` costs 1;
    - ``'smooth_l1'``: the same with the smooth L1 error (beta 1).

    InfoNCE is two-directional at a fixed temperature.

    Args:
        form (str): One of the three distances. Defaults to 'cosine'.
        concept_weight (float): Weight of the distance. Defaults to 1.
        contrast_weight (float): Weight of InfoNCE; 0 leaves it out. Defaults to 1.
        temperature (float): Of InfoNCE. Defaults to 0.07.
        block_size (int): Rows in a block of InfoNCE; changes memory, not the result. Defaults to 512.

    Raises:
        ConfigError: If the form is unknown.
    """

    def __init__(
        self,
        form: str = 'cosine',
        concept_weight: float = 1.0,
        contrast_weight: float = 1.0,
        temperature: float = 0.07,
        block_size: int = 512,
    ) -> None:
        super().__init__()
        if form not in FORMS:
            raise ConfigError(f'ConceptLoss form={form!r}: expected one of {FORMS}.')
        self.form = form
        self.concept_weight = concept_weight
        self.contrast_weight = contrast_weight
        self.temperature = temperature
        self.contrast = AlignLoss(image_weight=1.0, text_weight=0.0, block_size=block_size)

    def distances(self, concepts: Tensor, targets: Tensor) -> Tensor:
        """Distance of each sample; ranks exchange these numbers rather than concepts.

        Args:
            concepts (Tensor): ``(n, M, D)``, any float dtype, need not be normalised.
            targets (Tensor): ``(n, M, D)`` of unit length.

        Returns:
            Tensor: ``(n,)`` in fp32 (fp64 if given fp64).
        """
        concepts = concepts if concepts.dtype == torch.float64 else concepts.float()
        targets = targets.to(concepts)
        if self.form == 'cosine':
            return (1 - F.cosine_similarity(concepts, targets, dim=-1)).mean(-1)
        error = F.mse_loss if self.form == 'l2' else F.smooth_l1_loss
        scaled = targets * targets.shape[-1] ** 0.5
        return error(concepts, scaled, reduction='none').mean((-2, -1))

    def forward(
        self, distances: Tensor, points: Tensor, image: Tensor, has_image: Tensor
    ) -> dict[str, Tensor]:
        """Compute the loss of a (gathered) batch.

        Args:
            distances (Tensor): ``(N,)`` from :meth:`distances`.
            points (Tensor): ``(N, D)`` pooled concepts, need not be normalised.
            image (Tensor): ``(N, D)`` picture embeddings of the teacher.
            has_image (Tensor): ``(N,)`` bool; the rest is left out. A batch without any picture
                costs exactly zero.

        Returns:
            dict[str, Tensor]: ``loss`` (with gradient) and detached scalars to log: ``concept``,
            ``align_image`` and ``match_image`` (rate of shapes whose own picture is the nearest).
        """
        concept = distances[has_image].sum() / has_image.sum().clamp(min=1)
        out = {'loss': self.concept_weight * concept, 'concept': concept.detach()}
        if self.contrast_weight:
            scale = points.new_tensor(1 / self.temperature)
            no_text = torch.zeros_like(has_image)
            contrast = self.contrast(
                points, image, torch.zeros_like(image), has_image, no_text, scale, scale
            )
            out['loss'] = out['loss'] + self.contrast_weight * contrast['loss']
            out['align_image'], out['match_image'] = (
                contrast['align_image'],
                contrast['match_image'],
            )
        return out


def pool_patches(queries: Tensor, patches: Tensor, temperature: float) -> Tensor:
    """Soft pooling of patch tokens: each query takes the mean of the tokens that are like it.

    Args:
        queries (Tensor): ``(M, D)``, normalised here.
        patches (Tensor): ``(n, L, D)`` of unit length; L may be 0.
        temperature (float): Of the softmax over the L cosines; large means plain averages.

    Returns:
        Tensor: ``(n, M, D)`` of unit length, zeros where a sample's tokens are zeros or L is 0.
    """
    cosines = patches @ F.normalize(queries.to(patches), dim=-1).T  # (n, L, M)
    weights = (cosines / temperature).softmax(dim=1)
    return F.normalize(weights.transpose(1, 2) @ patches, dim=-1)
