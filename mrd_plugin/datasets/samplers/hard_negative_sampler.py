"""Batches of shapes that are easily confused (OpenShape, arXiv 2305.10764, section 3.2).

In the paper's second round a batch of 200 is made of 40 seeds with neighbours out of the 31 nearest.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmengine.logging import print_log
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

from mrd_plugin.datasets.neighbours import read_neighbours
from mrd_plugin.utils.errors import ConfigError


@DATA_SAMPLERS.register_module()
class HardNegativeSampler(Sampler):
    """Draw seeds at random, and behind each seed some of its nearest neighbours.

    The samples come in groups of ``group_size``: a seed and ``group_size - 1`` different neighbours
    of it. Make ``batch_size`` a multiple of it, so that no group is cut, and use
    ``HardNegativeAlignLoss`` with the same ``group_size``: a neighbour may be no negative at all. An
    epoch has as many samples as the data set, rounded down to whole groups on every rank; a seed
    occurs once, a neighbour perhaps more often. (INTERPRETATION: that the seed counts among the
    ``group_size``, and the length of an epoch.)

    A shape with fewer neighbours than needed (one without a text, in a table over texts) is joined
    by random shapes.

    Args:
        dataset (Dataset): The training set; has ``get_data_info(i)['sample_id']``.
        neighbours (str): Table of ``tools/build_hard_negatives.py``, or OpenShape's
            ``point_feat_knn.npy``.
        group_size (int): Samples in a group, >= 2. Defaults to 5.
        num_neighbours (int): Draw from so many nearest ones. Defaults to 31.
        seed (int, optional): The same on all ranks. Defaults to None, a common random one.
    """

    def __init__(
        self,
        dataset: Any,
        neighbours: str,
        group_size: int = 5,
        num_neighbours: int = 31,
        seed: int | None = None,
    ) -> None:
        if group_size < 2 or num_neighbours < group_size - 1:
            raise ConfigError(
                f'HardNegativeSampler group_size={group_size}, num_neighbours={num_neighbours}: '
                'expected group_size >= 2 and at least group_size - 1 neighbours.'
            )
        self.size = len(dataset)
        if self.size < group_size:
            raise ConfigError(
                f'HardNegativeSampler group_size={group_size}: the data set has {self.size} samples.'
            )
        self.rank, self.world_size = get_dist_info()
        self.group_size = group_size
        ids = [dataset.get_data_info(row)['sample_id'] for row in range(self.size)]
        table = read_neighbours(neighbours)
        self.near = [near[:num_neighbours] for near in table.rows_for(ids)]
        alone = sum(len(near) < group_size - 1 for near in self.near)
        if alone:
            print_log(
                f'HardNegativeSampler: {alone} of {self.size} shapes have fewer than '
                f'{group_size - 1} neighbours in {neighbours}; random shapes join them.',
                'current',
                level=logging.WARNING,
            )
        self.groups = self.size // group_size // self.world_size
        if self.groups == 0:
            raise ConfigError(
                f'HardNegativeSampler: {self.size} samples are too few for one group of {group_size} '
                f'on each of {self.world_size} ranks.'
            )
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0

    def __iter__(self) -> Iterator[int]:
        """This rank's samples of an epoch, group after group."""
        rng = np.random.default_rng((self.seed, self.epoch))
        seeds = rng.permutation(self.size)[: self.groups * self.world_size]
        own = np.random.default_rng((self.seed, self.epoch, self.rank))
        for seed in seeds[self.rank :: self.world_size]:
            yield from self._group(int(seed), own)

    def _group(self, seed: int, rng: np.random.Generator) -> list[int]:
        near = rng.permutation(self.near[seed])[: self.group_size - 1]
        group = [seed, *(int(row) for row in near)]
        while len(group) < self.group_size:
            row = int(rng.integers(self.size))
            if row not in group:
                group.append(row)
        return group

    def __len__(self) -> int:
        """Samples of this rank in an epoch."""
        return self.groups * self.group_size

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass draw anew."""
        self.epoch = epoch
