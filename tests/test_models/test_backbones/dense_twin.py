"""MinkUNet as dense convolutions on a grid whose empty cells are held at zero."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from mrd_plugin.compat.spconv_cpu import import_spconv


class Grid:
    """Values ``(B, C, X, Y, Z)`` and which cells are occupied, ``(B, X, Y, Z)``."""

    def __init__(self, values, mask):
        self.values, self.mask = values * mask[:, None], mask

    def rows(self):
        return self.values.permute(0, 2, 3, 4, 1)[self.mask]

    def with_rows(self, rows):
        values = self.values.new_zeros(*self.mask.shape, rows.shape[1])
        values = values.index_put(tuple(self.mask.nonzero().T), rows)
        return Grid(values.permute(0, 4, 1, 2, 3), self.mask)


def grid_of(features, coords, shape, batch_size):
    mask = torch.zeros(batch_size, *shape, dtype=torch.bool)
    mask[tuple(coords.long().T)] = True
    values = features.new_zeros(batch_size, *shape, features.shape[1])
    values = values.index_put(tuple(coords.long().T), features)
    return Grid(values.permute(0, 4, 1, 2, 3), mask)


def apply(module, grid, fine=None):
    """One module of mmdet3d; ``fine`` is the occupancy that an inverse convolution goes back to."""
    spconv = import_spconv()
    if isinstance(module, spconv.SubMConv3d):
        weight = module.weight
        if weight.shape[1] == 1:  # how spconv reads the memory of a kernel of one cell
            out, inside = weight.shape[0], weight.shape[-1]
            kernel = weight.reshape(inside, out).T.reshape(out, inside, 1, 1, 1)
        else:
            kernel = weight.permute(0, 4, 1, 2, 3)
        return Grid(F.conv3d(grid.values, kernel, padding=weight.shape[1] // 2), grid.mask)
    if isinstance(module, spconv.SparseInverseConv3d):
        kernel = module.weight.permute(4, 0, 1, 2, 3)
        return Grid(F.conv_transpose3d(grid.values, kernel, stride=2), fine)
    if isinstance(module, spconv.SparseConv3d):
        kernel = module.weight.permute(0, 4, 1, 2, 3)
        mask = F.max_pool3d(grid.mask[:, None].float(), 2)[:, 0] > 0
        return Grid(F.conv3d(grid.values, kernel, stride=2), mask)
    if isinstance(module, torch.nn.BatchNorm1d):
        rows = grid.rows()
        running = (module.running_mean.clone(), module.running_var.clone())
        rows = F.batch_norm(rows, *running, module.weight, module.bias, module.training)
        return grid.with_rows(rows)
    if isinstance(module, torch.nn.ReLU):
        return grid.with_rows(grid.rows().relu())
    if hasattr(module, 'conv2'):  # residual block
        out = apply(module.norm1, apply(module.conv1, grid)).rows().relu()
        out = apply(module.norm2, apply(module.conv2, grid.with_rows(out))).rows()
        shortcut = grid if module.downsample is None else apply(module.downsample, grid)
        return grid.with_rows((out + shortcut.rows()).relu())
    for part in module:
        grid = apply(part, grid, fine)
    return grid


def minkunet(network, features, coords, shape, batch_size):
    """The network's output as a grid."""
    grid = apply(network.conv_input, grid_of(features, coords, shape, batch_size))
    skipped = [grid]
    for stage in network.encoder:
        grid = apply(stage, grid)
        skipped.append(grid)
    for (up, blocks), skip in zip(network.decoder, skipped[-2::-1]):
        grid = apply(up, grid, skip.mask)
        grid = apply(blocks, grid.with_rows(torch.cat([grid.rows(), skip.rows()], dim=1)))
    return grid
