"""Pre-norm transformer blocks shared by the point backbones."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class Attention(nn.Module):
    """Multi-head self-attention through PyTorch's fused kernel.

    The ``qkv`` rows are ordered q, k, v with contiguous heads and carry no bias, as in timm, so
    that checkpoints of this family map by renaming alone.

    Args:
        dim: Width of the tokens.
        num_heads: Number of heads; must divide ``dim``.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f'num_heads must divide dim = {dim}, got {num_heads}.')
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, dim * 3, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, keep: int | None = None) -> Tensor:
        """Mix tokens ``(B, L, C)``; return all, or the first ``keep`` of them, ``(B, keep, C)``."""
        batch, length, dim = x.shape
        if keep is None:
            query, key, value = self._heads(self.qkv(x), 3)
        else:
            (query,) = self._heads(F.linear(x[:, :keep], self.qkv.weight[:dim]), 1)
            key, value = self._heads(F.linear(x, self.qkv.weight[dim:]), 2)
        out = F.scaled_dot_product_attention(query, key, value)
        return self.proj(out.transpose(1, 2).reshape(batch, keep or length, dim))

    def _heads(self, x: Tensor, parts: int) -> list[Tensor]:
        """Cut ``(B, L, parts * C)`` into ``parts`` tensors ``(B, heads, L, C / heads)``."""
        split = x.view(*x.shape[:2], parts, self.num_heads, -1)
        # Cut along the axis where the parts lie: the gradients are joined there without a copy.
        return [part.transpose(1, 2) for part in split.unbind(2)]


class Mlp(nn.Module):
    """Two linear layers with GELU between.

    Args:
        dim: Width in and out.
        hidden_dim: Width between.
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
        p: Probability of dropping, in [0, 1).
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
        dim: Width of the tokens.
        num_heads: Attention heads.
        mlp_dim: Hidden width of the MLP.
        drop_path: Stochastic-depth rate of this block. Defaults to 0.
    """

    def __init__(self, dim: int, num_heads: int, mlp_dim: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = Attention(dim, num_heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, mlp_dim)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, keep: int | None = None) -> Tensor:
        """Map tokens ``(B, L, C)`` to ``(B, L, C)``, or to their first ``keep``, ``(B, keep, C)``.

        All tokens are attended to either way; those that nobody reads cost nothing.
        """
        x = x[:, :keep] + self.drop_path(self.attn(self.norm1(x), keep))
        return x + self.drop_path(self.mlp(self.norm2(x)))


def run_blocks(
    blocks: nn.ModuleList,
    tokens: Tensor,
    depths: Sequence[int],
    position: Tensor | None = None,
    with_cp: bool = False,
    keep: int | None = None,
) -> list[Tensor]:
    """Run transformer blocks and keep the tokens after some of them.

    Args:
        blocks: :class:`TransformerBlock`, or any other if ``keep`` is None.
        tokens: ``(B, L, C)``.
        depths: Rising numbers of blocks; none after the last of them is run.
        position: ``(B, L, C)``, added before every block.
        with_cp: Recompute the activations of a block in the backward pass. Defaults to False.
        keep: Compute only so many tokens, the first, in the last block that is run.

    Returns:
        One ``(B, L, C)`` a depth; the last is ``(B, keep, C)`` if ``keep`` is given.
    """
    kept = []
    for i, block in enumerate(blocks[: depths[-1]], start=1):
        if position is not None:
            tokens = tokens + position
        inputs = (tokens,) if keep is None or i < depths[-1] else (tokens, keep)
        if with_cp and tokens.requires_grad:
            tokens = checkpoint(block, *inputs, use_reentrant=False)
        else:
            tokens = block(*inputs)
        if i in depths:
            kept.append(tokens)
    return kept
