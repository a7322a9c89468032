"""spconv 2.3 on a CPU: no backward pass, and a forward pass that races.

Reason: its backward pass asks for the current CUDA stream whatever device the tensors are on, and
PyTorch answers that it has no CUDA (traveller59/spconv issue 366). Beside that, with more than one
thread its scattering of rows loses some of them now and then, in 13 of 300 runs of a 3x3x3 kernel
on 162 voxels with two threads.

Remedy: tensors on a CPU take gather, matrix product and ``index_add_`` of PyTorch, over the pairs
of indices that spconv finds; values and gradients equal those of a dense convolution, every time
(tested). CUDA tensors go to spconv as before.

To be dropped when spconv's own CPU path is right with several threads and in both directions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from mrd_plugin.compat.spconv_weights import keep_kernels


def import_spconv() -> ModuleType:
    """Import ``spconv.pytorch``, usable on a CPU in both directions.

    Raises:
        ImportError: If spconv is not installed; names the command.
    """
    try:
        import spconv.pytorch as spconv
    except ImportError as error:
        raise ImportError(
            'Sparse backbones need spconv, which is not installed; run pip install "spconv>=2.3.6" '
            '(on a machine with CUDA 12: pip install spconv-cu126).'
        ) from error
    if not hasattr(spconv.ops, 'mrd_plugin_cpu'):
        spconv.ops.indice_conv = _forward(spconv.ops.indice_conv)
        spconv.ops.indice_conv_backward = _backward(spconv.ops.indice_conv_backward)
        spconv.ops.mrd_plugin_cpu = True
    keep_kernels()
    return spconv


def _pairs(
    pairs: Tensor, counts: Tensor, inverse: bool, subm: bool
) -> Iterator[tuple[int, Tensor | None, Tensor | None]]:
    """Kernel cells with their input and output rows; None means all rows, in order."""
    numbers = counts.tolist()
    centre = len(numbers) // 2
    for cell in range(len(numbers)):
        if subm and cell == centre:
            yield cell, None, None
            continue
        # A submanifold kernel is symmetric: cells behind the centre have the counts of those
        # before.
        count = numbers[len(numbers) - cell - 1] if subm and cell > centre else numbers[cell]
        if count:
            rows_in, rows_out = pairs[int(inverse), cell], pairs[int(not inverse), cell]
            yield cell, rows_in[:count].long(), rows_out[:count].long()


def _forward(on_cuda: Callable) -> Callable:
    def indice_conv(
        features: Tensor,
        filters: Tensor,
        indice_pairs: Tensor,
        indice_pair_num: Tensor,
        num_activate_out: int,
        inverse: bool = False,
        subm: bool = False,
        *args: Any,
        **kwargs: Any,
    ) -> Tensor:
        if features.is_cuda or kwargs.get('bias') is not None:
            given = (features, filters, indice_pairs, indice_pair_num, num_activate_out)
            return on_cuda(*given, inverse, subm, *args, **kwargs)
        kernel = filters.reshape(filters.shape[0], -1, filters.shape[-1])  # (out, cells, in)
        out = features.new_zeros(num_activate_out, len(kernel))
        for cell, rows_in, rows_out in _pairs(indice_pairs, indice_pair_num, inverse, subm):
            if rows_in is None or rows_out is None:
                out += features @ kernel[:, cell].T
            else:
                out.index_add_(0, rows_out, features[rows_in] @ kernel[:, cell].T)
        return out

    return indice_conv


def _backward(on_cuda: Callable) -> Callable:
    def indice_conv_backward(
        features: Tensor,
        filters: Tensor,
        out_bp: Tensor,
        indice_pairs: Tensor,
        indice_pair_num: Tensor,
        inverse: bool = False,
        subm: bool = False,
        *args: Any,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor]:
        if features.is_cuda:
            given = (features, filters, out_bp, indice_pairs, indice_pair_num)
            return on_cuda(*given, inverse, subm, *args, **kwargs)
        kernel = filters.reshape(filters.shape[0], -1, filters.shape[-1])
        grad_features, grad_kernel = torch.zeros_like(features), torch.zeros_like(kernel)
        for cell, rows_in, rows_out in _pairs(indice_pairs, indice_pair_num, inverse, subm):
            if rows_in is None or rows_out is None:
                grad_kernel[:, cell] = out_bp.T @ features
                grad_features += out_bp @ kernel[:, cell]
            else:
                grad_rows = out_bp[rows_out]
                grad_kernel[:, cell] = grad_rows.T @ features[rows_in]
                grad_features.index_add_(0, rows_in, grad_rows @ kernel[:, cell])
        return grad_features, grad_kernel.reshape(filters.shape)

    return indice_conv_backward
