"""Pre-norm transformer blocks shared by the point backbones."""

from __future__ import annotations

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head self-attention through PyTorch's fused kernel.

    The ``qkv`` rows are ordered q, k, v with contiguous heads and carry no bias, as in timm, so that
    checkpoints of this family map by renaming alone.

    Args:
        dim (int): Width of the tokens.
        num_heads (int): Number of heads; must divide ``dim``.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f'num_heads must divide dim = {dim}, got {num_heads}.')
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, dim * 3, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Mix tokens ``(B, L, C)`` into ``(B, L, C)``."""
        batch, length, dim = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.num_heads, dim // self.num_heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(query, key, value)
        return self.proj(out.transpose(1, 2).reshape(batch, length, dim))


class Mlp(nn.Module):
    """Two linear layers with GELU between.

    Args:
        dim (int): Width in and out.
        hidden_dim (int): Width between.
    """

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden_dim)
        self.fc2 = nn.Linear(hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., C)`` to ``(..., C)``."""
        return self.fc2(F.gelu(self.fc1(x)))


class DropPath(nn.Module):
    """Drop a residual branch for a whole sample (stochastic depth, Huang et al. 2016).

    Args:
        p (float): Probability of dropping, in [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Zero whole samples of ``(B, ...)`` and scale the rest, in training only."""
        if self.p == 0 or not self.training:
            return x
        keep = x.new_empty(len(x), *[1] * (x.ndim - 1)).bernoulli_(1 - self.p)
        return x * keep / (1 - self.p)


class TransformerBlock(BaseModule):
    """Pre-norm block: attention and MLP, each on a residual branch.

    Args:
        dim (int): Width of the tokens.
        num_heads (int): Attention heads.
        mlp_dim (int): Hidden width of the MLP.
        drop_path (float): Stochastic-depth rate of this block. Defaults to 0.
    """

    def __init__(self, dim: int, num_heads: int, mlp_dim: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = Attention(dim, num_heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, mlp_dim)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens ``(B, L, C)`` to ``(B, L, C)``."""
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))
