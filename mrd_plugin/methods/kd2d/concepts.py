"""Concept queries that read a point transformer's tokens, and the losses on the concepts.

"A cross-attention mechanism extracts concept features from the point cloud", and these are compared
with the image's semantic information: that is all that the source says (Yao et al. 2022, arXiv
2212.08974, abstract). How many queries, how many blocks, their form and every formula here
(concepts against their targets, the pooled shape against images) are INTERPRETATION
(docs/methods/kd2d.md).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.methods.contrast.align_loss import AlignLoss
from mrd_plugin.methods.contrast.triplets import Triplets
from mrd_plugin.models.backbones.points.transformer import Mlp
from mrd_plugin.utils.errors import ConfigError


class CrossAttention(nn.Module):
    """Multi-head attention of queries to a set of tokens, through PyTorch's fused kernel.

    Args:
        dim: Width of queries and tokens.
        num_heads: Number of heads; must divide ``dim``.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f'num_heads must divide dim = {dim}, got {num_heads}.')
        self.num_heads = num_heads
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, dim * 2)
        self.proj = nn.Linear(dim, dim)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """Let queries ``(B, M, C)`` read tokens ``(B, L, C)``; returns ``(B, M, C)``."""
        batch, count, dim = queries.shape
        heads = (self.num_heads, dim // self.num_heads)
        query = self.q(queries).view(batch, count, *heads).transpose(1, 2)
        key, value = self.kv(tokens).view(batch, -1, 2, *heads).permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(query, key, value)
        return self.proj(out.transpose(1, 2).reshape(batch, count, dim))


class CrossAttentionBlock(nn.Module):
    """Pre-norm block: cross-attention and MLP, each on a residual branch of the queries.

    Args:
        dim: Width of queries and tokens.
        num_heads: Attention heads.
        mlp_dim: Hidden width of the MLP.
    """

    def __init__(self, dim: int, num_heads: int, mlp_dim: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = CrossAttention(dim, num_heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, mlp_dim)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """Update queries ``(B, M, C)`` from tokens ``(B, L, C)``."""
        queries = queries + self.attn(self.norm1(queries), tokens)
        return queries + self.mlp(self.norm2(queries))


@MODELS.register_module()
class ConceptHead(BaseModule):
    """``num_concepts`` queries, cross-attention blocks, a projection into the teacher's space.

    Keys and values are the patch tokens plus an embedding of their centres, and the class token
    with a learnt embedding instead: so the backbone's own feature of the whole shape, which is what
    leaves for other tasks, takes part in what is distilled. The queries do not attend to each
    other.

    Args:
        in_channels: Width C of the backbone's tokens.
        out_channels: The teacher's ``dim``, D.
        num_concepts: Queries M. Defaults to 16.
        depth: Cross-attention blocks. Defaults to 2.
        num_heads: Attention heads. Defaults to 4.
        mlp_ratio: Hidden width of the MLPs in units of C. Defaults to 4.
        init_cfg: MMEngine's initialisation config.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_concepts: int = 16,
        depth: int = 2,
        num_heads: int = 4,
        mlp_ratio: int = 4,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.concept_queries = nn.Parameter(torch.randn(num_concepts, in_channels))
        self.pos_embed = nn.Sequential(nn.Linear(3, 128), nn.GELU(), nn.Linear(128, in_channels))
        self.cls_pos = nn.Parameter(0.02 * torch.randn(in_channels))
        self.norm_tokens = nn.LayerNorm(in_channels)
        self.blocks = nn.ModuleList(
            CrossAttentionBlock(in_channels, num_heads, mlp_ratio * in_channels)
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(in_channels)
        self.proj = nn.Linear(in_channels, out_channels)

    def forward(self, cls: Tensor, tokens: Tensor, centres: Tensor) -> Tensor:
        """Extract concepts.

        Args:
            cls: Class tokens ``(B, C)``.
            tokens: Patch tokens ``(B, S, C)``.
            centres: Patch centres ``(B, S, 3)``.

        Returns:
            ``(B, M, D)``, not normalised.

        Raises:
            ValueError: If the tokens are not ``in_channels`` wide.
        """
        if tokens.shape[-1] != self.in_channels:
            raise ValueError(
                f'model.head.in_channels is {self.in_channels} but the tokens of model.backbone '
                f'have {tokens.shape[-1]} channels; set model.head.in_channels={tokens.shape[-1]}.'
            )
        position = self.pos_embed(centres.to(tokens.dtype))
        cls_position = self.cls_pos.to(tokens.dtype).expand(len(tokens), 1, -1)
        keys = torch.cat([cls.unsqueeze(1), tokens], dim=1)
        keys = self.norm_tokens(keys) + torch.cat([cls_position, position], dim=1)
        concepts = self.concept_queries.to(tokens.dtype).expand(len(tokens), -1, -1)
        for block in self.blocks:
            concepts = block(concepts, keys)
        return self.proj(self.norm(concepts))

    def query_embeddings(self) -> Tensor:
        """Return the queries in the teacher's space ``(M, D)``, projected as concepts are."""
        return self.proj(self.norm(self.concept_queries))


FORMS = ('cosine', 'l2', 'smooth_l1')


@MODELS.register_module()
class ConceptLoss(nn.Module):
    """Distance of concepts to targets, and InfoNCE of pooled concepts with image embeddings.

    ``loss = concept_weight mean_n d_n + contrast_weight InfoNCE(points, image)`` over the samples
    with an image. The distance ``d`` of a sample is the mean over its concepts ``c`` and targets
    ``t`` (unit length, D numbers) of

    - ``'cosine'``: ``1 - cos(c, t)``;
    - ``'l2'``: the mean over D of the squared error between ``c`` and ``sqrt(D) t``, so that the
      numbers compared are of order 1 and ``c = 0`` costs 1;
    - ``'smooth_l1'``: the same with the smooth L1 error (beta 1).

    InfoNCE is two-directional at a fixed temperature.

    Args:
        form: One of the three distances. Defaults to 'cosine'.
        concept_weight: Weight of the distance. Defaults to 1.
        contrast_weight: Weight of InfoNCE; 0 leaves it out. Defaults to 1.
        temperature: Of InfoNCE. Defaults to 0.07.
        block_size: Rows in a block of InfoNCE; changes memory, not the result. Defaults to 512.

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
            concepts: ``(n, M, D)``, any float dtype, need not be normalised.
            targets: ``(n, M, D)`` of unit length.

        Returns:
            ``(n,)`` in fp32 (fp64 if given fp64).
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
            distances: ``(N,)`` from :meth:`distances`.
            points: ``(N, D)`` pooled concepts, need not be normalised.
            image: ``(N, D)`` image embeddings of the teacher.
            has_image: ``(N,)`` bool; the rest is left out. A batch without any image costs
                exactly zero.

        Returns:
            ``loss`` (with gradient) and detached scalars to log: ``concept``, ``align_image`` and
            ``match_image`` (rate of shapes whose own image is the nearest).
        """
        concept = distances[has_image].sum() / has_image.sum().clamp(min=1)
        out = {'loss': self.concept_weight * concept, 'concept': concept.detach()}
        if self.contrast_weight:
            scale = points.new_tensor(1 / self.temperature)
            no_text = torch.zeros_like(has_image)
            batch = Triplets(points, image, torch.zeros_like(image), has_image, no_text)
            contrast = self.contrast(batch, scale, scale)
            out['loss'] = out['loss'] + self.contrast_weight * contrast['loss']
            out['align_image'], out['match_image'] = (
                contrast['align_image'],
                contrast['match_image'],
            )
        return out


def pool_patches(queries: Tensor, patches: Tensor, temperature: float) -> Tensor:
    """Soft pooling of patch tokens: each query takes the mean of the tokens that are like it.

    Args:
        queries: ``(M, D)``, normalised here.
        patches: ``(n, L, D)`` of unit length; L may be 0.
        temperature: Of the softmax over the L cosines; large means plain averages.

    Returns:
        ``(n, M, D)`` of unit length, zeros where a sample's tokens are zeros or L is 0.
    """
    cosines = patches @ F.normalize(queries.to(patches), dim=-1).T  # (n, L, M)
    weights = (cosines / temperature).softmax(dim=1)
    return F.normalize(weights.transpose(1, 2) @ patches, dim=-1)
