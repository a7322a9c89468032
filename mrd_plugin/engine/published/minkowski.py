"""From MinkowskiEngine's kernels to spconv's.

MinkowskiEngine keeps a kernel as ``(K^3, C_in, C_out)`` and counts its cells with the first axis
fastest; a kernel of one cell is ``(C_in, C_out)``. Odd kernels are centred, even ones start at
their site. spconv keeps ``(C_out, K, K, K, C_in)`` with the axes in the order of the indices. Both
correlate, as PyTorch's ``conv3d`` does. spconv 2.3 has one exception: it multiplies by the weight of
a kernel of one cell as if that memory held ``(C_in, C_out)``.
"""

from __future__ import annotations

from torch import Tensor


def to_spconv(kernel: Tensor) -> Tensor:
    """Rearrange a kernel for coordinates whose axes keep their order (x, y, z in both).

    Args:
        kernel: ``(K^3, C_in, C_out)``, or ``(C_in, C_out)`` for K = 1.

    Returns:
        ``(C_out, K, K, K, C_in)``, contiguous; for K = 1 in the order in which spconv reads it.
    """
    if kernel.dim() == 2:
        return kernel.reshape(kernel.shape[1], 1, 1, 1, kernel.shape[0]).contiguous()
    volume, c_in, c_out = kernel.shape
    size = round(volume ** (1 / 3))
    z_y_x = kernel.reshape(size, size, size, c_in, c_out)  # the first axis is the fastest
    return z_y_x.permute(4, 2, 1, 0, 3).contiguous()
