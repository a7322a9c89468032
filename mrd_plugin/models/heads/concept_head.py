"""Learnable concept queries that read a point transformer's tokens.

"A cross-attention mechanism extracts concept features from the point cloud" is all that the abstract
of Yao et al. 2022 (arXiv 2212.08974) says. How many queries, how many blocks and their form are our
INTERPRETATION (docs/concept_distillation.md).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.models.backbones.transformer import Mlp


class CrossAttention(nn.Module):
    """Multi-head attention of queries to a set of tokens, through PyTorch's fused kernel.

    Args:
        dim (int): Width of queries and tokens.
        num_heads (int): Number of heads; must divide ``dim``.
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
        dim (int): Width of queries and tokens.
        num_heads (int): Attention heads.
        mlp_dim (int): Hidden width of the MLP.
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

    Keys and values are the patch tokens plus an embedding of their centres, and the class token with
    a learnt embedding instead: so the backbone's own feature of the whole shape, which is what
    leaves for other tasks, takes part in what is distilled. The queries do not attend to each other.

    Args:
        in_channels (int): Width C of the backbone's tokens.
        out_channels (int): The teacher's ``dim``, D.
        num_concepts (int): Queries M. Defaults to 16.
        depth (int): Cross-attention blocks. Defaults to 2.
        num_heads (int): Attention heads. Defaults to 4.
        mlp_ratio (int): Hidden width of the MLPs in units of C. Defaults to 4.
        init_cfg (dict, optional): MMEngine's initialisation config.
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
            cls (Tensor): Class tokens ``(B, C)``.
            tokens (Tensor): Patch tokens ``(B, S, C)``.
            centres (Tensor): Patch centres ``(B, S, 3)``.

        Returns:
            Tensor: ``(B, M, D)``, not normalised.

        Raises:
            ValueError: If the tokens are not ``in_channels`` wide.
        """
        if tokens.shape[-1] != self.in_channels:
            raise ValueError(
                f'model.head.in_channels is {self.in_channels} but the tokens of model.backbone have '
                f'{tokens.shape[-1]} channels; set model.head.in_channels={tokens.shape[-1]}.'
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
        """The queries in the teacher's space ``(M, D)``: projected as concepts are, before reading."""
        return self.proj(self.norm(self.concept_queries))
